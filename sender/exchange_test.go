package sender_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hookgate/hookgate/sender"
)

// TestExchangeIsBounded: an exchange is no longer than it may be, whatever the endpoint
// has said, and can be read again. Text stays text. (E-11, U-09)
func TestExchangeIsBounded(t *testing.T) {
	header := func(value string, n int) http.Header {
		h := http.Header{}
		for i := range n {
			h[fmt.Sprintf("X-%d", i)] = []string{value}
		}
		return h
	}
	for name, e := range map[string]*sender.Exchange{
		"empty":              {},
		"text":               {Status: 200, Body: []byte(strings.Repeat("añ\"<&>\\\n", 2000))},
		"binary":             {Status: 200, Body: bytes.Repeat([]byte{0xff, 0}, 10_000)},
		"control characters": {Status: 200, Body: make([]byte, 20_000)},
		"line separators":    {Status: 200, Body: []byte(strings.Repeat("\u2028", 6666))},
		"headers":            {Status: 200, Body: make([]byte, 20_000), Sent: header(strings.Repeat("\"", 60), 60), Header: header(strings.Repeat("\u2028", 20), 60)},
		"large headers":      {Status: 200, Body: []byte("a"), Sent: header("a", 2), Header: header(strings.Repeat("a", 1000), 60)},
		"all too large":      {Status: 200, Took: time.Second, Body: []byte("a"), Sent: header(strings.Repeat("a", 1000), 60), URL: strings.Repeat("u", 40_000), Reason: strings.Repeat("r", 40_000), Class: sender.Class(strings.Repeat("c", 40_000))},
	} {
		encoded := e.Encode()
		back, err := sender.DecodeExchange(encoded)
		if err != nil || len(encoded) > sender.MaxExchange || back.Status != e.Status || !bytes.HasPrefix(e.Body, back.Body) || len(back.Body) < len(e.Body) && !back.Cut {
			t.Errorf("%s: %d bytes, error %v, %.200s", name, len(encoded), err, encoded)
		}
		if name == "text" && (!bytes.Contains(encoded, []byte(`"text":"añ\"<&>\\\n`)) || !bytes.Equal(back.Body, e.Body)) {
			t.Errorf("%.200s", encoded)
		}
	}
}

// TestExchangeIsJSON: an exchange is written as JSON with all that it has and nothing
// that it has not, whatever characters there are.
func TestExchangeIsJSON(t *testing.T) {
	odd := "\"\\/\b\x00\u2028<&>é\U0001F600"
	for _, tt := range []struct {
		exchange sender.Exchange
		want     string
	}{
		{sender.Exchange{}, `{}`},
		{sender.Exchange{Status: 200}, `{"status":200}`},
		{sender.Exchange{Took: 1500 * time.Microsecond, Cut: true, Withheld: true, Body: []byte("a")}, `{"text":"a","cut":true,"withheld":true,"ms":1}`},
		{sender.Exchange{Body: []byte{0xff}, Class: sender.ClassReset, Sent: http.Header{}}, `{"base64":"/w==","class":"reset"}`},
		{
			sender.Exchange{Protocol: "HTTP/1.1", Sent: http.Header{"B": {"1", odd}, "A": {}, "C": {""}}, Header: http.Header{odd: {"\xff"}}, URL: odd, Reason: "a\xffb"},
			`{"url":ODD,"protocol":"HTTP/1.1","sent":{"A":[],"B":["1",ODD],"C":[""]},"header":{ODD:["�"]},"reason":"a�b"}`,
		},
	} {
		var got, want any
		quoted, _ := json.Marshal(odd)
		if err := json.Unmarshal([]byte(strings.ReplaceAll(tt.want, "ODD", string(quoted))), &want); err != nil {
			t.Fatal(err)
		}
		encoded := tt.exchange.Encode()
		if err := json.Unmarshal(encoded, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s, %v; want %v", encoded, err, want)
		}
	}
}

// TestExchangeMasks: secrets in headers and in URLs are not kept, in any spelling of
// their names; signatures, and what is no secret, are. Headers are bounded, and broken
// characters replaced. (E-11, X-01)
func TestExchangeMasks(t *testing.T) {
	location := "https://me:canary@example.com/?access_token=canary&a=1&Sig=canary#canary"
	s, a := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		for _, name := range []string{"Set-Cookie", "set-cookie2", "WWW-Authenticate", "Proxy-Authenticate", "X-Auth-Token", "X-Session-Id", "X-Amz-Security-Token", "X-Client-Secret"} {
			h[name] = []string{"canary", "canary two"}
		}
		h["Location"] = []string{location}
		h["Content-Location"] = []string{"http://[canary"}
		h["X-Plain"] = []string{"\xffplain", strings.Repeat("long", 1000)}
		for i := range 100 {
			h.Set(fmt.Sprintf("Z-%03d", i), strings.Repeat("z", 100))
		}
		w.WriteHeader(http.StatusFound)
	})
	c := newClient(t, sender.ClientOptions{RootCAs: a.pool})
	header := http.Header{"Webhook-Signature": {"v1,AAA="}, "Svix-Signature": {"v1,AAA="}, "X-Plain": {"plain"}}
	for _, name := range []string{"authorization", "Cookie", "Proxy-Authorization", "x-api-key", "X-AUTH-TOKEN", "Api-Key", "X-My-Password", "X-Functions-Key"} {
		header[name] = []string{"canary"}
	}
	ex := postWithin(t, c, 5*time.Second, sender.Post{URL: s.URL + "/?api_key=canary&x=1&p%61ssword=canary&code=canary&empty=&flag", Header: header})
	encoded := string(ex.Encode())
	if ex.Status != http.StatusFound || strings.Contains(encoded, "canary") || strings.Contains(fmt.Sprint(ex.Err), "canary") {
		t.Errorf("status %d, error %v: %s", ex.Status, ex.Err, encoded)
	}
	if ex.URL != s.URL+"/?api_key=***&x=1&p%61ssword=***&code=***&empty=&flag" || ex.Header.Get("Location") != "https://example.com/?access_token=***&a=1&Sig=***" {
		t.Errorf("%s, %s", ex.URL, ex.Header.Get("Location"))
	}
	if ex.Sent.Get("Webhook-Signature") != "v1,AAA=" || ex.Sent.Get("X-Plain") != "plain" || !strings.HasPrefix(ex.Header.Get("X-Plain"), "\ufffdplain") || !utf8.ValidString(encoded) {
		t.Errorf("%s", encoded)
	}
	if len(ex.Header) > 64 || len(encoded) > 12<<10 {
		t.Errorf("%d headers, %d bytes", len(ex.Header), len(encoded))
	}
}

// TestDecodeExchange: what Encode has not written is refused; what a later release may
// have added is not.
func TestDecodeExchange(t *testing.T) {
	for _, text := range []string{
		"", "null x", "[]", `"a"`, "{", `{"status":"200"}`, `{"status":-1}`, `{"status":1000}`, `{"ms":-1}`, `{"ms":1e99}`, `{"text":"a","base64":"YQ=="}`, `{"base64":"!"}`,
		`{"sent":[]}`, `{"text":"` + strings.Repeat("a", sender.MaxExchange) + `"}`,
	} {
		if e, err := sender.DecodeExchange([]byte(text)); err == nil {
			t.Errorf("%.60s is read as %+v", text, e)
		}
	}
	e, err := sender.DecodeExchange([]byte(`{"status":200,"later":{"a":1},"text":"a"}`))
	if err != nil || e.Status != 200 || string(e.Body) != "a" {
		t.Errorf("%+v, error %v", e, err)
	}
}

// FuzzDecodeExchange: what is read can be written within the bound, and is the same
// when it is read again.
func FuzzDecodeExchange(f *testing.F) {
	for _, e := range []*sender.Exchange{
		{},
		{URL: "https://example.com/", Status: 200, Protocol: "HTTP/1.1", Sent: http.Header{"A": {"b"}}, Header: http.Header{"C": {"d", "e"}}, Body: []byte("ok"), Took: time.Second},
		{Class: sender.ClassTLS, Reason: "no", Cut: true, Withheld: true, Body: []byte{0xff}},
	} {
		f.Add(e.Encode())
	}
	f.Add([]byte(`{"header":{"A":null,"B":[]},"base64":""}`))
	f.Add([]byte(`{"url":"` + strings.Repeat("\u2028", 10_000) + `"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := sender.DecodeExchange(data)
		if err != nil {
			return
		}
		encoded := e.Encode()
		again, err := sender.DecodeExchange(encoded)
		if err != nil || len(encoded) > sender.MaxExchange || !json.Valid(encoded) {
			t.Fatalf("%d bytes, error %v: %.200s", len(encoded), err, encoded)
		}
		if twice := again.Encode(); !bytes.Equal(twice, encoded) {
			t.Fatalf("%.200s is written again as %.200s", encoded, twice)
		}
		if !again.Cut && (again.Status != e.Status || again.URL != e.URL || !bytes.Equal(again.Body, e.Body) || len(again.Sent) != len(e.Sent)) {
			t.Fatalf("%+v is read again as %+v", e, again)
		}
	})
}
