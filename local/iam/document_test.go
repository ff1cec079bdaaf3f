package iam

import (
	"fmt"
	"testing"
)

func TestDocumentsThatWereReadBefore(t *testing.T) {
	var d documents
	text := policyOf(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)
	for range 2 {
		got, err := d.parse(text)
		if err != nil || len(got.Statement) != 1 || got.Statement[0].Action[0] != "s3:*" {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := d.parse(`{"Statement": [`); err == nil {
			t.Error("no error of what is no JSON")
		}
	}
	if len(d.byText) != 1 {
		t.Errorf("%d are kept, want the one that is right", len(d.byText))
	}
	for i := range keptDocuments + 10 {
		if _, err := d.parse(policyOf(fmt.Sprintf(`{"Effect":"Allow","Action":"s3:*","Resource":"%d"}`, i))); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.byText) > keptDocuments {
		t.Errorf("%d are kept, want no more than %d", len(d.byText), keptDocuments)
	}
}
