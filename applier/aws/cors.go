package aws

import (
	"reflect"
	"slices"
	"strings"

	apitypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/scar-go/scar/planner"
)

// corsValue is what a service answers about CORS, in canonical form: Lambda and API Gateway keep the order and the
// case in which lists were written, which mean nothing; methods alone tell upper from lower case.
func corsValue(origins, methods, headers, expose []string, credentials *bool, maxAge *int32) planner.CORS {
	return planner.CORS{
		AllowOrigins:     sortedSet(origins, nil),
		AllowMethods:     sortedSet(methods, nil),
		AllowHeaders:     sortedSet(headers, strings.ToLower),
		ExposeHeaders:    sortedSet(expose, strings.ToLower),
		AllowCredentials: deref(credentials),
		MaxAge:           int(deref(maxAge)),
	}
}

// sortedSet is nil for an empty list.
func sortedSet(list []string, change func(string) string) []string {
	if len(list) == 0 {
		return nil
	}
	set := slices.Clone(list)
	if change != nil {
		for i, s := range set {
			set[i] = change(s)
		}
	}
	slices.Sort(set)
	return slices.Compact(set)
}

func isNoCORS(c planner.CORS) bool { return reflect.ValueOf(c).IsZero() }

func lambdaCORS(c planner.CORS) *lambdatypes.Cors {
	return &lambdatypes.Cors{
		AllowOrigins: c.AllowOrigins, AllowMethods: c.AllowMethods, AllowHeaders: c.AllowHeaders, ExposeHeaders: c.ExposeHeaders,
		AllowCredentials: &c.AllowCredentials, MaxAge: ptr(int32(c.MaxAge)),
	}
}

func apiCORS(c planner.CORS) *apitypes.Cors {
	return &apitypes.Cors{
		AllowOrigins: c.AllowOrigins, AllowMethods: c.AllowMethods, AllowHeaders: c.AllowHeaders, ExposeHeaders: c.ExposeHeaders,
		AllowCredentials: &c.AllowCredentials, MaxAge: ptr(int32(c.MaxAge)),
	}
}
