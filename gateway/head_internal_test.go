package gateway

import (
	"bytes"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func encoded(h head) []byte { return h.append(nil, &withholding{}) }

// sorted returns a head with its headers in the order of their names; lines of one
// name stay in theirs.
func sorted(text []byte) string {
	lines := strings.SplitAfter(string(text), "\n")
	slices.SortStableFunc(lines[1:], func(a, b string) int {
		a, _, _ = strings.Cut(a, ": ")
		b, _, _ = strings.Cut(b, ": ")
		return strings.Compare(a, b)
	})
	return strings.Join(lines, "")
}

// TestHeadIsText of a form that does not change: later releases read what is stored
// now.
func TestHeadIsText(t *testing.T) {
	h := head{
		method: "POST", url: &url.URL{Path: "/hooks/a/b", RawPath: "/hooks/a%2fb", RawQuery: "x=%zz&y=é&&"}, major: 2, minor: 0,
		host: "app.example.com:8443", remote: "[2001:db8::1]:40312", local: address{"unix", "/run/a b.sock"}, tls: true, serverName: "app.example.com",
		hops: "5f3a9c0d1e2b4a68/other, ",
		header: http.Header{
			"Svix-Id": {"msg_1"}, "X-Many": {"b", "", "a", " spaced\t"}, "X-Odd!": {"\xff\xfe: é"}, "X-None": {}, "User-Agent": nil,
		},
	}
	const want = "POST /hooks/a%2fb?x=%zz&y=é&& HTTP/2.0\n" +
		":host: app.example.com:8443\n:local: unix//run/a b.sock\n:remote: [2001:db8::1]:40312\n:tls: app.example.com\n:via: 5f3a9c0d1e2b4a68/other, \n" +
		"Svix-Id: msg_1\nX-Many: b\nX-Many: \nX-Many: a\nX-Many:  spaced\t\nX-Odd!: \xff\xfe: é\n"
	text := encoded(h)
	if got := sorted(text); got != want {
		t.Errorf("encoded as\n%q; want\n%q", got, want)
	}
	got, err := decodeHead(text)
	if err != nil {
		t.Fatal(err)
	}
	delete(h.header, "X-None")
	delete(h.header, "User-Agent")
	if !reflect.DeepEqual(*got, h) {
		t.Errorf("decoded as\n%+v; want\n%+v", *got, h)
	}
	bare, err := decodeHead([]byte("POST / HTTP/1.1\n"))
	if err != nil || bare.connection() != nil || bare.local != (address{}) || len(bare.header) != 0 {
		t.Errorf("a bare head: %+v, %v", bare, err)
	}
	later, err := decodeHead([]byte("POST / HTTP/1.1\n:later: x\nX-A: b\n"))
	if err != nil || later.header.Get("X-A") != "b" || len(later.header) != 1 {
		t.Errorf("a head of a later release: %+v, %v", later, err)
	}
}

// TestHeadIsOneLineAValue: what another handler may put into a request ends neither
// a line nor the head. (H-15)
func TestHeadIsOneLineAValue(t *testing.T) {
	h := head{
		method: "POST", major: 10, host: "a\nX-B: c", remote: "\r\n", hops: "\x00",
		url:    &url.URL{Path: "hooks/a b\n", RawQuery: "q= \r\n\x7f"},
		header: http.Header{"X-A": {"a\r\nX-B: c", "\x00\x7f"}, "X-Bad: Name": {"x"}, "": {"x"}, "X-Bad\n": {"x"}, ":host": {"x"}},
	}
	const want = "POST /hooks/a%20b%0A?q=%20%0D%0A%7F HTTP/1.1\n:host: a X-B: c\n:remote:   \n:via:  \nX-A: a  X-B: c\nX-A:   \n"
	if got := sorted(encoded(h)); got != want {
		t.Errorf("encoded as\n%q; want\n%q", got, want)
	}
	for _, u := range []url.URL{{}, {Path: "*"}, {Opaque: "mailto:a"}, {Scheme: "http", Host: "evil.example.com", Path: "/p"}, {Path: "//evil.example.com/p"}} {
		h := head{method: "POST", major: 1, minor: 1, url: &u}
		got, err := decodeHead(encoded(h))
		if err != nil || got.url.Host != "" || got.url.Scheme != "" || got.url.Path[0] != '/' {
			t.Errorf("%+v became %+v, %v", u, got, err)
		}
	}
}

// TestDecodeIsStrict: what is not as append writes it is refused, and the error shows
// nothing of it. (U-17)
func TestDecodeIsStrict(t *testing.T) {
	const first = "POST /secret?secret=secret HTTP/1.1\n"
	for _, text := range []string{
		"", "\n", "secret", "POST", "POST\n", "POST /secret\n", "POST /secret HTTP/1.1", "POST /secret secret HTTP/1.1\n", "POST /secret HTTP/11\n", "POST /secret http/1.1\n",
		"POST secret HTTP/1.1\n", "POST  HTTP/1.1\n", " /secret HTTP/1.1\n", "PO:T /secret HTTP/1.1\n", "POST /secret%zz HTTP/1.1\n", "POST /secret HTTP/1.1 \n",
		first + "\n", first + "secret\n", first + "secret:x\n", first + ": secret\n", first + "se cret: x\n", first + "::host: secret\n", first + ":: secret\n",
		first + ":host: a\n:host: secret\n", first + ":later: a\n:later: secret\n", first + "X-A: secret", first + "X-A: b\r\n", first + "X-A: \x00\n", first + "X-A: \x7f\n", first + "X-A: b\n\nX-B: secret\n",
	} {
		h, err := decodeHead([]byte(text))
		if err == nil {
			t.Errorf("%q became %+v", text, h)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzDecodeHead: no bytes make decoding panic, and what it takes is encoded to what
// decodes alike.
func FuzzDecodeHead(f *testing.F) {
	f.Add([]byte("POST /hooks?a=b HTTP/1.1\n:host: a\n:remote: b\n:local: tcp/c\n:tls: \n:via: e, \nX-A: b\nX-A: c\n"))
	f.Add([]byte("POST /%2f HTTP/9.9\n:local: x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := decodeHead(text)
		if err != nil {
			return
		}
		again := encoded(*h)
		second, err := decodeHead(again)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, again, err)
		}
		if h.local.text == "" && h.local.network == "" {
			second.local = h.local
		}
		// What is of the connection is not stored.
		for name := range h.header {
			if (&withholding{}).header(name, named(h.header)) {
				delete(h.header, name)
			}
		}
		if h.url.RequestURI() != second.url.RequestURI() || h.host != second.host || h.remote != second.remote || h.local != second.local || h.hops != second.hops ||
			h.tls != second.tls || h.serverName != second.serverName || h.method != second.method || !reflect.DeepEqual(h.header, second.header) {
			t.Errorf("%+v became %+v", h, second)
		}
	})
}

// FuzzEncodeHead: whatever a request holds, its head can be decoded, and nothing of
// one value becomes another line.
func FuzzEncodeHead(f *testing.F) {
	f.Add("/hooks/a b", "/hooks/a%20b", "x=y", "app.example.com", "192.0.2.1:1", "X-A", "value")
	f.Add("", "%", "\n", "\n", "\r", "a:b", "\n:host: x")
	f.Fuzz(func(t *testing.T, path, raw, query, host, remote, name, value string) {
		h := head{
			method: "POST", url: &url.URL{Path: path, RawPath: raw, RawQuery: query}, major: 1, minor: 1, host: host, remote: remote,
			tls: true, serverName: host, local: address{"tcp", remote}, hops: value, header: http.Header{name: {value, host}},
		}
		text := encoded(h)
		got, err := decodeHead(text)
		if err != nil {
			t.Fatalf("%+v: %q: %v", h, text, err)
		}
		if n := bytes.Count(text, []byte("\n")); n > 8 {
			t.Errorf("%d lines: %q", n, text)
		}
		plain := func(s string) bool {
			return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
		}
		if plain(value) && (got.hops != value || got.header[name] != nil && got.header[name][0] != value) {
			t.Errorf("%q became %q, %q", value, got.hops, got.header[name])
		}
		if plain(host) && (got.host != host || got.serverName != host) {
			t.Errorf("%q became %q, %q", host, got.host, got.serverName)
		}
	})
}
