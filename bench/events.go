package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/hookgate/hookgate/verifier"
)

// secret is for measuring only; the published example of the Svix documentation.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// signEvents returns n events in the svix scheme, signed as of now, each under an
// id of its own that begins with prefix. They share body.
func signEvents(url, prefix string, n int, body []byte, now time.Time) ([]vegeta.Target, error) {
	scheme, ok := verifier.Preset("svix")
	if !ok {
		return nil, fmt.Errorf("there is no preset svix")
	}
	signer, err := verifier.NewSigner(scheme, []string{secret}, verifier.Options{})
	if err != nil {
		return nil, err
	}
	targets := make([]vegeta.Target, n)
	for i := range targets {
		header, err := signer.Sign(verifier.Message{ID: fmt.Sprintf("msg_%s_%08d", prefix, i), Timestamp: now, Body: body})
		if err != nil {
			return nil, err
		}
		header.Set("Content-Type", "application/json")
		targets[i] = vegeta.Target{Method: http.MethodPost, URL: url, Header: header, Body: body}
	}
	return targets, nil
}

// at returns the same requests, byte for byte, to another server.
func at(url string, targets []vegeta.Target) []vegeta.Target {
	out := make([]vegeta.Target, len(targets))
	for i, t := range targets {
		t.URL = url
		out[i] = t
	}
	return out
}

// mark returns the same requests with headers such as a gateway adds.
func mark(targets []vegeta.Target) []vegeta.Target {
	out := make([]vegeta.Target, len(targets))
	for i, t := range targets {
		id := t.Header.Get("Svix-Id")
		t.Header = maps.Clone(t.Header)
		for name, value := range map[string]string{
			"Source": "bench", "Scheme": "svix", "Id": id, "Event-Type": "order.paid", "Timestamp": "2026-02-20T16:25:51.000Z",
			"Attempt": "1", "Received": "2026-02-20T16:25:51.293Z", "Sequence": "1771604751293000", "Idempotency-Key": "bench/" + id,
			"Via": "0123456789abcdef/bench",
		} {
			t.Header["Hookgate-"+name] = []string{value}
		}
		out[i] = t
	}
	return out
}

// forge returns the same requests with a signature that is well formed and wrong
// in its first character, the most expensive kind to tell: the whole body has to
// be read and authenticated.
func forge(targets []vegeta.Target) []vegeta.Target {
	const name, version = "Svix-Signature", len("v1,")
	out := make([]vegeta.Target, len(targets))
	for i, t := range targets {
		signature := []byte(t.Header.Get(name))
		if signature[version] != 'A' {
			signature[version] = 'A'
		} else {
			signature[version] = 'B'
		}
		t.Header = maps.Clone(t.Header)
		t.Header[name] = []string{string(signature)}
		out[i] = t
	}
	return out
}

// payload returns a JSON event of exactly size bytes, at least 128.
func payload(size int) ([]byte, error) {
	type item struct {
		SKU      string  `json:"sku"`
		Quantity int     `json:"quantity"`
		Price    float64 `json:"price"`
	}
	event := struct {
		Type  string `json:"type"`
		Items []item `json:"items"`
		Note  string `json:"note"`
	}{Type: "order.paid", Items: []item{}}
	for {
		text, err := json.Marshal(event)
		if err != nil {
			return nil, err
		}
		if missing := size - len(text); missing < 64 {
			if missing < 0 {
				return nil, fmt.Errorf("an event of %d bytes is too small to be one", size)
			}
			event.Note = string(bytes.Repeat([]byte("."), missing))
			return json.Marshal(event)
		}
		event.Items = append(event.Items, item{SKU: fmt.Sprintf("A-%05d", len(event.Items)), Quantity: 2, Price: 19.95})
	}
}
