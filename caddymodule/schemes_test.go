package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/cli"
	"github.com/hookgate/hookgate/verifier"
)

// TestSchemesAreWhatTheyShow: the block that webhook schemes prints of a preset adapts to
// that very scheme, and so does one of a scheme that has all there is.
func TestSchemesAreWhatTheyShow(t *testing.T) {
	every := verifier.Scheme{
		Name:      "every",
		Signature: []verifier.Location{{From: "header:X-Sig", List: " ", Pair: ",", Prefix: "a b\"c"}, {From: "header:X-Sig-2", List: ";", Pair: "=", Prefix: "#"}},
		Signed:    "{id}|\"x\\{timestamp}\n{type}|{body}",
		Keys: []verifier.KeyForm{
			{Prefix: "p q", Encoding: verifier.Hex, Algorithm: verifier.HMACSHA512, Item: "v1", MinBytes: 20},
			{Encoding: verifier.PEM, Algorithm: verifier.Ed25519, Item: "v2", Private: true},
		},
		Encodings: []verifier.Encoding{verifier.Hex, verifier.Base64}, MaxDecoded: 1500, ID: "header:X-Id", Type: "header:X-Type",
		Timestamp:  &verifier.Timestamp{From: "header:X-Time", Format: verifier.RFC3339, OfEvent: true, Past: verifier.Duration(90e9), Future: verifier.Duration(1e9)},
		UnsignedID: "X-Other-Id", UnsignedType: "X-Other-Type", BodyVaries: true,
		RetryHorizon: verifier.Unbounded, ResponseLimit: verifier.Duration(1500e6), MaxBody: 5 << 20,
		Handshakes: []verifier.Handshake{{Method: "GET", Challenge: "query:challenge"}, {Method: "OPTIONS", Challenge: "header:X-Check"}},
	}
	if err := verifier.Check(every); err != nil {
		t.Fatal(err)
	}
	for _, want := range append(verifier.Presets(), every) {
		root, out := &cobra.Command{Use: "hookgate"}, new(bytes.Buffer)
		webhook := &cobra.Command{Use: "webhook"}
		root.AddCommand(webhook)
		cli.Attach(webhook, cli.Host{Program: "hookgate", Schemes: func(string) ([]verifier.Scheme, error) { return []verifier.Scheme{every}, nil }})
		root.SetOut(out)
		root.SetArgs([]string{"webhook", "schemes", "--config", "x", want.Name})
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		var cfg struct {
			Apps struct {
				Webhooks struct{ Schemes []verifier.Scheme } `json:"webhooks"`
			}
		}
		if err := json.Unmarshal(adaptAll(t, "webhooks {\n"+out.String()+"}\n", ""), &cfg); err != nil {
			t.Fatal(err)
		}
		if len(cfg.Apps.Webhooks.Schemes) != 1 {
			t.Fatalf("%s: %d schemes in\n%s", want.Name, len(cfg.Apps.Webhooks.Schemes), out)
		}
		got := cfg.Apps.Webhooks.Schemes[0]
		got.Name = strings.TrimPrefix(got.Name, "my_")
		want.Source, want.Notes = "", ""
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s adapts to\n%+v\nwant\n%+v\nfrom\n%s", want.Name, got, want, out)
		}
	}
}
