package planner

import "github.com/scar-go/scar/spec"

// Permission is one statement of a function's resource policy: who may invoke it.
type Permission struct {
	Function      string `json:"function" plan:"replace"`
	StatementID   string `json:"statement_id" plan:"replace"`
	Action        string `json:"action"`
	Principal     string `json:"principal"` // a service principal, or * for everybody
	SourceARN     string `json:"source_arn"`
	SourceAccount string `json:"source_account"`

	// What Lambda asks of the two statements that open a function URL to callers without credentials (Lambda
	// developer guide, "Control access to Lambda function URLs").
	FunctionURLAuthType   string `json:"function_url_auth_type"`   // NONE, in the statement of lambda:InvokeFunctionUrl
	InvokedViaFunctionURL bool   `json:"invoked_via_function_url"` // in the statement of lambda:InvokeFunction
}

// Kind implements Value.
func (Permission) Kind() Kind { return KindPermission }

func (p Permission) needs(string) []Address { return []Address{{KindFunction, p.Function}} }

// permissions lets the buckets of a function's rules start it, and everybody where its URL is open to everybody.
func (d *desire) permissions(fn *spec.Function) {
	if fn.Queue == nil {
		for _, in := range fn.Inputs {
			if spec.IsOwnS3(in.Provider) {
				d.permission(fn, Permission{
					StatementID:   StatementID(d.file.Project, in.Bucket),
					Action:        invokeFunction,
					Principal:     ServicePrincipal("s3"),
					SourceARN:     d.env.BucketARN(in.Bucket),
					SourceAccount: d.env.Account, // a bucket's name alone may be another's tomorrow
				})
			}
		}
	}
	if fn.HTTP != nil && fn.HTTP.API == "" && authOf(fn.HTTP) == AuthNone {
		d.permission(fn, Permission{
			StatementID: urlStatementID(d.file.Project), Action: "lambda:InvokeFunctionUrl", Principal: "*", FunctionURLAuthType: AuthNone,
		})
		d.permission(fn, Permission{
			StatementID: urlInvokeStatementID(d.file.Project), Action: invokeFunction, Principal: "*", InvokedViaFunctionURL: true,
		})
	}
}

const invokeFunction = "lambda:InvokeFunction"

func (d *desire) permission(fn *spec.Function, p Permission) {
	p.Function = fn.Name
	d.add(fn, p, p.Function+"/"+p.StatementID)
}
