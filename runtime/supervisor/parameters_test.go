package supervisor

import (
	"slices"
	"strings"
	"testing"
)

func TestAddParameters(t *testing.T) {
	base := []string{"QUALITY=80", "EMPTY=", "http_mode=x"}
	given := map[string]string{
		"width": "100", "_name": "a b", "TEXT": "x=y\n", "TEMPLATE": "t", "OPTIONS": "o", "path": "p", "env": "e", "Z9": "",
		"QUALITY": "1", "EMPTY": "full", "9x": "", "": "v", "a-b": "", "a.b": "", "ü": "", "BASH_FUNC_x%%": "() { :; }", "zero": "a\x00b",
		"LD_PRELOAD": "/tmp/x.so", "AWS_REGION": "x", "RESPONSE_DIR": "/", "https_proxy": "http://evil", "My_Proxy": "x", "huge": strings.Repeat("x", maxParameters),
	}
	all, dropped := addParameters(base, given)
	want := append(slices.Clone(base), "OPTIONS=o", "TEMPLATE=t", "TEXT=x=y\n", "Z9=", "_name=a b", "env=e", "path=p", "width=100")
	if !slices.Equal(all, want) {
		t.Errorf("the environment is %q, want %q", all, want)
	}
	if len(dropped) != len(given)-8 {
		t.Errorf("%d of %d were dropped: %s", len(dropped), len(given), dropped)
	}
	if joined := strings.Join(dropped, ", "); strings.Contains(joined, "evil") || !strings.Contains(joined, `"LD_PRELOAD" (could change what programs do)`) {
		t.Errorf("dropped: %s", joined)
	}
}

func TestParametersAreBoundedTogether(t *testing.T) {
	given := map[string]string{}
	for c := 'a'; c <= 'z'; c++ {
		given[string(c)] = strings.Repeat("x", maxParameters/8)
	}
	all, dropped := addParameters(nil, given)
	if total := len(strings.Join(all, "")); total > maxParameters || len(all) != 7 || len(dropped) != 26-7 {
		t.Errorf("%d parameters with %d bytes are variables, %d are not", len(all), total, len(dropped))
	}
}

// The list is long enough that a name may get lost when it is changed.
func TestSteers(t *testing.T) {
	for _, name := range strings.Fields(`LD_PRELOAD LD_LIBRARY_PATH BASH_ENV BASHOPTS ENV IFS PATH PS4 SHELLOPTS PYTHONPATH PYTHONSTARTUP PERL5OPT PERL5LIB RUBYOPT
		NODE_OPTIONS JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS GIT_SSH_COMMAND MALLOC_CHECK_ GLIBC_TUNABLES GCONV_PATH LOCPATH TMPDIR HOME http_proxy
		HTTPS_PROXY no_proxy All_Proxy SSL_CERT_FILE MAGICK_CONFIGURE_PATH GDAL_DRIVER_PATH R_PROFILE LUA_PATH LUA_INIT PHPRC PHP_INI_SCAN_DIR CLASSPATH OMP_NUM_THREADS
		OPENSSL_CONF AWS_REGION AWS_ACCESS_KEY_ID LAMBDA_TASK_ROOT _HANDLER _X_AMZN_TRACE_ID REMOTE_USER HTTP_COOKIE CONTENT_LENGTH INPUT_FILE_PATH
		STORAGE_OBJECT_KEY TMP_OUTPUT_DIR RESPONSE_DIR EVENT REQUEST_ID EXTRA_PAYLOAD FFREPORT GS_OPTIONS TAR_OPTIONS SSLKEYLOGFILE LESSOPEN PAGER TZ LC_ALL openout_any
		HDF5_PLUGIN_PATH LADSPA_PATH FREI0R_PATH OCL_ICD_VENDORS LIBVA_DRIVERS_PATH EXIFTOOL_HOME FLASK_APP ASAN_OPTIONS OMPI_MCA_plm AWKPATH BC_ENV_ARGS KRB5_CONFIG
		XML_CATALOG_FILES SGML_CATALOG_FILES TESSDATA_PREFIX MOST_INITFILE DJANGO_SETTINGS_MODULE
		PGHOST KUBECONFIG DOCKER_HOST CUDA_VISIBLE_DEVICES XDG_CONFIG_HOME RES_OPTIONS`) {
		if !steers(name) {
			t.Errorf("%s may be set by a request", name)
		}
	}
	for _, name := range strings.Fields("name width q page TEXT TEMPLATE OPTION ZIPCODE RATE RES P path env home Proxy REMOTE METHOD LESSON GO MAKER HGT CCD SRC IMG_SRC OUTPUT_DIR MODEL_CONFIG OPTIONS DIR CONFIGURATION HOMEPAGE LIBRARY") {
		if steers(name) {
			t.Errorf("%s may not be set by a request", name)
		}
	}
}

func FuzzAddParameters(f *testing.F) {
	f.Add("name", "value")
	f.Add("LD_PRELOAD", "x")
	f.Add("a=b", "\x00")
	f.Fuzz(func(t *testing.T, name, value string) {
		all, dropped := addParameters([]string{"SET=1"}, map[string]string{name: value})
		if len(all)+len(dropped) != 2 || all[0] != "SET=1" {
			t.Fatalf("environment %q, dropped %q", all, dropped)
		}
		if len(all) == 2 && (all[1] != name+"="+value || strings.ContainsAny(name, "=\x00 -") || strings.Contains(value, "\x00") || steers(name)) {
			t.Errorf("the environment has %q", all[1])
		}
	})
}
