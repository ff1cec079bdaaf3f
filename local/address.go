package local

import (
	"github.com/scar-go/scar/local/apigateway"
	"github.com/scar-go/scar/local/lambda"
)

// Address is where requests by HTTP are taken.
type Address struct {
	Function string // whose URL it is; empty: it is an HTTP API's
	API      string // name of the HTTP API
	URL      string
}

func ofFunction(u lambda.URL) Address { return Address{Function: u.Function, URL: u.Address} }

func ofAPI(a apigateway.Address) Address { return Address{API: a.Name, URL: a.URL} }

// Addresses lists the addresses of the state, those of functions first. It waits until the backend is served: its port is a part
// of them.
func (b *Backend) Addresses() ([]Address, error) {
	b.waitForEndpoint()
	urls, err := b.lambda.URLs()
	if err != nil {
		return nil, err
	}
	stages, err := b.apis.Addresses()
	if err != nil {
		return nil, err
	}
	var all []Address
	for _, u := range urls {
		all = append(all, ofFunction(u))
	}
	for _, a := range stages {
		all = append(all, ofAPI(a))
	}
	return all, nil
}
