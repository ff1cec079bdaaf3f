package lambda

import "testing"

// TestFunctionsCallEachOtherWhenAllIsTaken has functions that wait for functions while there is a slot for one only.
func TestFunctionsCallEachOtherWhenAllIsTaken(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Concurrency = 1 })
	b.create("outer", nil)
	b.create("inner", nil)
	a := b.call("outer", testEvent{Do: "call", Name: *b.client.Options().BaseEndpoint + "/2015-03-31/functions/inner/invocations"})
	if a.Text != "200 OK" {
		t.Errorf("the call within a call: %s", a.Text)
	}
	for range 3 { // every slot is back where it came from
		b.call("inner", testEvent{})
	}
	if n := len(b.service.engine.slots) + len(b.service.engine.spare); n != 0 {
		t.Errorf("%d slots are still taken", n)
	}
}
