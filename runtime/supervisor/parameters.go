package supervisor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scar-go/scar/runtime/event"
)

// maxParameters is how many bytes the parameters of a request take as variables, with their names. Together with the
// event and the image's own variables it stays far below what execve(2) takes.
const maxParameters = 64 << 10

// steeringNames and steeringPrefixes are the variables that tell programs what to do, rather than scripts what to work on: which code to
// load, where to look for programs, files and keys, whom to talk to, what to write where. Whoever sends a request could run
// code of his own by them, so no parameter of a query becomes one. No such list is complete: a
// script that wants none of the parameters as variables has them in EVENT and QUERY_STRING.
//
// Names are compared as they are, but for the proxies, which programs read in both cases. Besides names and beginnings there are
// endings: whatever program a variable belongs to, one that names a path tells it where to look for code or settings, and
// one that holds options what to do.
var (
	steeringSuffixes = []string{"PATH", "PATHS", "_HOME", "_PRELOAD", "_PLUGIN", "_PLUGINS", "_OPTIONS", "_OPTS"}

	steeringPrefixes = []string{
		// The kernel's, the loader's and the C library's; shells'.
		"LD_", "MALLOC_", "GCONV_", "GLIBC_", "LC_", "RESOLV_", "XDG_", "DBUS_", "BASH", "KSH_", "PROMPT_",
		// Languages'.
		"PYTHON", "PIP_", "CONDA_", "PERL", "RUBY", "GEM_", "BUNDLE_", "NODE_", "NPM_", "npm_", "DENO_", "BUN_", "JAVA", "_JAVA_", "JDK_", "JVM_",
		"MAVEN_", "GRADLE_", "DOTNET_", "CORECLR_", "COR_", "COMPlus_", "PHP", "LUA_", "R_", "JULIA_", "ERL_", "ELIXIR_", "TCL_", "GUILE_", "OCAML", "GHC_",
		"CARGO_", "RUST_", "RUSTC", "RUSTFLAGS",
		// Libraries' and tools'.
		"OPENSSL_", "SSL_", "REQUESTS_", "CURL_", "GIT_", "SVN_", "HG_", "SSH_", "RSYNC_", "GPG_", "XZ_", "ZSTD_", "GREP_", "LS_", "MAGICK_", "GDAL_", "CPL_", "OGR_",
		"PROJ_", "VSI_", "GST_", "GS_", "TEXMF", "openout_", "openin_", "shell_escape", "FONTCONFIG_", "QT_", "GTK_", "GIO_", "G_", "LIBGL_", "MESA_", "VK_", "OMP_",
		"GOMP_", "OMPI_", "PMIX_", "PRTE_", "UCX_", "I_MPI_", "MPICH_", "KMP_", "MKL_", "OPENBLAS_", "NUMBA_", "CUDA_", "NVIDIA_", "OCL_", "OPENCL_", "LIBVA_", "VDPAU_", "HDF5_", "KRB5", "FLASK_", "DJANGO_", "SASL_", "TF_", "TORCH_", "PYTORCH_", "HF_", "TRANSFORMERS_", "KERAS_", "JUPYTER_",
		"PG", "MYSQL_", "REDIS_", "MONGO_", "KUBE", "DOCKER_", "AZURE_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "BOTO_",
		// Lambda's and scar's, and the headers of a request in CGI.
		"AWS_", "LAMBDA_", "_X_", "SCAR_", "HTTP_",
	}
	steeringNames = []string{
		"_", "PATH", "HOME", "TMPDIR", "TMP", "TEMP", "TEMPDIR", "TMPPREFIX", "USER", "LOGNAME", "HOSTNAME", "PWD", "OLDPWD", "UID", "EUID", "MAIL", "MAILPATH",
		"LANG", "LANGUAGE", "LOCPATH", "NLSPATH", "TZ", "TZDIR", "TERM", "TERMCAP", "TERMINFO", "TERMINFO_DIRS", "RES_OPTIONS", "LOCALDOMAIN", "HOSTALIASES", "GETCONF_DIR",
		"ENV", "IFS", "SHELL", "SHELLOPTS", "PS1", "PS2", "PS3", "PS4", "CDPATH", "FPATH", "GLOBIGNORE", "EXECIGNORE", "POSIXLY_CORRECT", "ZDOTDIR", "TMOUT",
		"HISTFILE", "HISTCONTROL", "HISTIGNORE", "OPTIND", "OPTARG", "OPTERR", "INPUTRC", "FCEDIT", "EDITOR", "VISUAL", "PAGER", "MANPAGER", "BROWSER", "DISPLAY", "XAUTHORITY",
		"VIRTUAL_ENV", "CLASSPATH", "TCLLIBPATH", "CAMLRUNPARAM", "GHCRTS", "GO111MODULE", "GOROOT", "GOPATH", "GOFLAGS", "GODEBUG", "GOTRACEBACK", "GOMAXPROCS", "GOGC",
		"GOMEMLIMIT", "CC", "CXX", "CPATH", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "LIBRARY_PATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "MAKEFLAGS", "MAKEFILES", "MFLAGS",
		"SSLKEYLOGFILE", "WGETRC", "NETRC", "HGRCPATH", "GNUPGHOME", "TAR_OPTIONS", "GZIP", "BZIP", "BZIP2", "ZIP", "ZIPOPT", "UNZIP", "UNZIPOPT",
		"XML_CATALOG_FILES", "SGML_CATALOG_FILES", "TESSDATA_PREFIX", "MOST_INITFILE", "BC_ENV_ARGS", "LESS", "LESSOPEN", "LESSCLOSE", "LESSKEY", "FFREPORT", "TEXINPUTS", "BIBINPUTS", "BSTINPUTS", "MPLBACKEND", "MPLCONFIGDIR", "_HANDLER",
		// Of RFC 3875, set by the runtime or by nobody.
		"AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "GATEWAY_INTERFACE", "PATH_INFO", "PATH_TRANSLATED", "QUERY_STRING", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_IDENT",
		"REMOTE_USER", "REQUEST_METHOD", "REQUEST_URI", "SCRIPT_NAME", "SCRIPT_FILENAME", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE",
		// The runtime's, some of which not every run has.
		varInput, varInputDir, varOutputDir, varResponseDir, varKey, varTime, varEvent, varRequest, varAddress, varFiles,
	}
)

// steers reports whether a variable is none that a request may set.
func steers(name string) bool {
	return slices.Contains(steeringNames, name) ||
		strings.HasSuffix(strings.ToUpper(name), "_PROXY") ||
		slices.ContainsFunc(steeringSuffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) }) ||
		slices.ContainsFunc(steeringPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// addParameters adds the parameters of a request's query to an environment, under their own names: those that
// are names of variables and neither set already nor any program's. It returns the names of the others, each with the reason.
func addParameters(environment []string, parameters map[string]string) (all, dropped []string) {
	room := maxParameters
	all = environment
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		value := parameters[name]
		why := ""
		switch {
		case !variableName(name):
			why = "no name of a variable"
		case isSet(environment, name):
			why = "set already"
		case steers(name):
			why = "could change what programs do"
		case strings.Contains(value, "\x00"):
			why = "has a zero byte"
		case len(name)+len(value)+2 > room:
			why = "too large"
		}
		if why != "" {
			dropped = append(dropped, fmt.Sprintf("%q (%s)", cut(name, 64), why))
			continue
		}
		room -= len(name) + len(value) + 2
		all = append(all, name+"="+value)
	}
	return all, dropped
}

// variableName reports whether a shell can name a variable so.
func variableName(name string) bool {
	if name == "" || '0' <= name[0] && name[0] <= '9' {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !(r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	})
}

// isSet reports whether an environment has a variable.
func isSet(environment []string, name string) bool {
	return slices.ContainsFunc(environment, func(variable string) bool { return strings.HasPrefix(variable, name+"=") })
}

// requestVariables are the variables of CGI that a request has, see RFC 3875, section 4.1.
func requestVariables(r *event.Request) map[string]string {
	variables := map[string]string{
		"REQUEST_METHOD": r.Method,
		"PATH_INFO":      r.Path,
		"QUERY_STRING":   r.Query,
	}
	if r.ContentType != "" {
		variables["CONTENT_TYPE"] = r.ContentType
	}
	return variables
}
