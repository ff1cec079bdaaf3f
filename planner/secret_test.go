package planner

import "testing"

func TestLooksSecret(t *testing.T) {
	for name, want := range map[string]bool{
		"API_TOKEN": true, "DB_PASSWORD": true, "db-passwd": true, "ApiKey": true, "API_KEY": true, "AWS_ACCESS_KEY_ID": true,
		"PRIVATE_KEY": true, "GPG_PASSPHRASE": true, "MYSQL_PWD": true, "HTTP_AUTHORIZATION": true, "CLIENT_SECRET": true,
		"QUALITY": false, "KEY": false, "KEYBOARD": false, "PASS": false, "COMPASS": false, "": false,
	} {
		if got := LooksSecret(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
