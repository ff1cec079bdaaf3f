package spec

import "strconv"

// units are what quantities can be written in, by the unit that they are counted in.
var units = map[string]map[string]int{
	"MB": {"": 1, "MB": 1, "GB": 1024},
	"s":  {"": 1, "s": 1, "m": 60, "h": 3600},
}

// maxDigits keeps quantities far from what an int holds.
const maxDigits = 9

// quantity reads a number with or without a unit: 512, 512MB or 2GB where unit is MB; 90, 90s, 5m or 1h
// where it is s. The schema has the same pattern.
func quantity(text, unit string) (value int, ok bool) {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	factor, known := units[unit][text[digits:]]
	if !known || digits == 0 || digits > maxDigits || digits > 1 && text[0] == '0' {
		return 0, false
	}
	value, err := strconv.Atoi(text[:digits])
	if err != nil {
		return 0, false
	}
	return value * factor, true
}
