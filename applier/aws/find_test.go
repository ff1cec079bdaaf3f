package aws

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scar-go/scar/planner"
)

func TestRefOf(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:lambda:eu-west-1:123456789012:function:grayify":                  "function/grayify",
		"arn:aws:lambda:eu-west-1:123456789012:function:grayify:7":                "function/grayify",
		"arn:aws-cn:logs:cn-north-1:123456789012:log-group:/aws/lambda/grayify:*": "log_group//aws/lambda/grayify",
		"arn:aws:ecr:eu-west-1:123456789012:repository/scar/imaging":              "repository/scar/imaging",
		"arn:aws-us-gov:s3:::photos":                                              "bucket/photos",
		"arn:aws:s3:eu-west-1:123456789012:accesspoint/photos":                    "",
		"arn:aws:s3:::photos/in/a.jpg":                                            "",
		"arn:aws:lambda:eu-west-1:123456789012:layer:x":                           "",
		"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:x":            "",
		"arn:aws:logs:eu-west-1:123456789012:destination:x":                       "",
		"arn:aws:iam::123456789012:role/scar/imaging/scar-grayify-eu-west-1":      "",
		"s3:::photos": "",
		"":            "",
	} {
		got := ""
		if ref, known := refOf(arn); known {
			got = ref.String()
		}
		if got != want {
			t.Errorf("%s is %q, want %q", arn, got, want)
		}
	}
}

// TestWhatAFunctionHas leads from each part of a function to all of them, and from what is no function's to
// nothing: Lambda refuses to be asked for a function whose name it does not allow.
func TestWhatAFunctionHas(t *testing.T) {
	f := &finder{naming: testNaming}
	whole := []string{"image/grayify", "log_group//aws/lambda/grayify", "role/scar-grayify-eu-west-1", "function/grayify"}
	for part, want := range map[string][]string{
		"function/grayify":                   whole,
		"image/grayify":                      whole,
		"log_group//aws/lambda/grayify":      whole,
		"role/scar-grayify-eu-west-1":        whole,
		"image/v1.2":                         nil,
		"log_group/mine":                     nil,
		"log_group//aws/lambda/":             nil,
		"log_group//aws/lambda/eu-west-1.at": nil,
		"role/mine":                          nil,
		"bucket/photos":                      nil,
	} {
		address, err := planner.ParseAddress(part)
		if err != nil {
			t.Fatal(err)
		}
		refs := f.ofFunction(address)
		slices.SortFunc(refs, planner.Address.Compare)
		var got []string
		for _, ref := range refs {
			got = append(got, ref.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", part, diff)
		}
	}
}
