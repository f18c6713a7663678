package sender_test

import (
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/sender"
)

// spellings are hosts that mean, or that some program has taken for, an address that
// is not public. None of them may be saved.
func spellings() []string {
	all := []string{
		"localhost", "LOCALHOST", "LocalHost", "a.localhost", "localhost.", "ｌｏｃａｌｈｏｓｔ", "127.0.0.1.", "localhost.localdomain.", "intranet", "metadata", "db",
		"127.1", "127.0.1", "127", "127.0.0.01", "127.0.0.1.0", "127.000.000.001", "2130706433", "017700000001", "0x7f000001", "0X7F000001", "0x7f.1", "0x7f.0.0.1",
		"0x7f.0x0.0x0.0x1", "0177.0.0.1", "0177.1", "00000177.0.0.1", "0", "0.0", "00.00.00.00", "0x0", "0x", "127.0.0.0x1", "4294967295", "3232235521", "0xa9fea9fe", "2852039166",
		"0251.0376.0251.0376", "169.254.43518", "10.1", "012.1.2.3", "256.256.256.256", "-127.0.0.1", "127.-0.0.1", "+127.0.0.1", "127.0.0.1-", "127..1",
		".127.0.0.1", "127,0,0,1", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "①②⑦.⓪.⓪.①", "１２７.０.０.１", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "₁₂₇.₀.₀.₁", "²130706433", "０x7f.1", "٠.٠.٠.٠", "१२७.0.0.1",
		"127%2e0%2e0%2e1", "%31%32%37.0.0.1", "127.0.0.1%00", "127.0.0.1%20", "%6c%6f%63%61%6c%68%6f%73%74", "localhost%00.example.com", "[::1%25lo]", "[fe80::1%25eth0]", "[fe80::1%eth0]",
		"[::1", "::1", "[::1]]", "[[::1]]", "[127.0.0.1]", "[localhost]", "[example.com]", "[]", "[::ffff:8.8.8.8]", "[v1.example]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]",
		"[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:7F00:0001]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:0x7f.0.0.1]", "[::1]a", "a[::1]", "",
		"user@127.0.0.1", "example.com@127.0.0.1", "127.0.0.1@example.com", "user:secret@example.com", "@example.com", ":@example.com", "example.com\\@127.0.0.1", "127.0.0.1\\.example.com", "127.0.0.1 .example.com",
		"127.0.0.1\t", "127.0.0.1\n", "\u200b127.0.0.1", "127.0.0.1\u00a0", "example.com\r\nHost: internal", "exa\u0000mple.com", "-example.com", "example-.com", "exam!ple.com", "exam*ple.com",
		"a..example.com", ".example.com", "example.com.", "xn--.example.com", "xn--a.example.com", strings.Repeat("a", 64) + ".example.com", strings.Repeat("abc.", 70) + "com", "example.com:80:80", "example.com;127.0.0.1",
		"example.com,127.0.0.1", "\xff.example.com", "ex\u2028ample.com", "foo.0x7f", "foo.1", "1.2.3.4.5", "example.0177",
	}
	for _, addresses := range forbidden {
		for text := range strings.FieldsSeq(addresses) {
			if strings.Contains(text, ":") {
				text = "[" + text + "]"
			}
			all = append(all, text)
		}
	}
	return all
}

// TestCheckURLRefusesHosts: none of the spellings of what is not public can be saved,
// under any scheme, with or without a port. What is refused is not repeated.
// (E-01, E-02, E-03, E-04, E-09, E-G1)
func TestCheckURLRefusesHosts(t *testing.T) {
	strict, corporate := newGuard(t, ""), newGuard(t, "10.77.0.0/16")
	all := spellings()
	if len(all) < 150 {
		t.Errorf("there are %d spellings only", len(all))
	}
	for _, host := range all {
		for _, form := range []string{"https://%/", "http://%/", "HTTPS://%", "https://%:8443/hook?a=b"} {
			text := strings.Replace(form, "%", host, 1)
			if got, err := sender.CheckURL(text, strict); err == nil {
				t.Errorf("%q is taken as %q", text, got)
			}
			if got, err := sender.CheckURL(text, corporate); err == nil && !slices.Contains([]string{"intranet", "metadata", "db"}, host) {
				t.Errorf("%q is taken as %q where a network is allowed", text, got)
			} else if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}

// TestCheckURLRefuses: the other parts of a URL. (E-09)
func TestCheckURLRefuses(t *testing.T) {
	guard := newGuard(t, "")
	for _, text := range []string{
		"", "https", "https:", "https:/", "https://", "https:///path", "//example.com", "example.com", "/path", "https:example.com", "https:/example.com", "https:///example.com",
		"file:///etc/passwd", "FILE:///etc/passwd", "gopher://example.com/", "ftp://example.com", "ws://example.com", "javascript:alert(1)", "data:text/plain,a", "dict://example.com:11211/",
		"unix:///run/app.sock", "h2c://example.com", "httpss://example.com", " https://example.com", "https://example.com ", "https ://example.com", "\thttps://example.com", "https://example.com/a b",
		"https://example.com/\n", "https://example.com/\r\nHost:x", "https://example.com/\x00", "https://example.com/\x7f", "https://example.com/\u0085", "https://example.com\\path", "https://example.com/a\\b",
		"https://example.com/#", "https://example.com/#a", "https://example.com#@127.0.0.1/", "https://example.com/%zz", "https://example.com/%", "https://example.com/\xff",
		"https://example.com:", "https://example.com:0/", "https://example.com:00443/", "https://example.com:+443/", "https://example.com:-1/", "https://example.com:65536/", "https://example.com:4 43/",
		"https://example.com:１/", "https://example.com:0x1bb/", "https://example.com:https/", "https://example.com:99999999999999999999/", "https://example.com:22/", "https://example.com:25/",
		"https://example.com:53/", "https://example.com:6379/", "https://example.com:11211/", "https://example.com:5432/", "https://example.com:6667/", "https://example.com:10080/", "http://example.com/",
		"http://8.8.8.8/", "https://example.com/" + strings.Repeat("a", sender.MaxURL), "https://example.com/" + strings.Repeat("é", sender.MaxURL/4), "https://a@example.com/", "https://a:b@example.com/",
	} {
		if got, err := sender.CheckURL(text, guard); err == nil {
			t.Errorf("%q is taken as %q", text, got)
		}
	}
}

// TestCheckURLNormalizes: what is taken, and how it is kept. What was kept is taken
// as it is. (E-09)
func TestCheckURLNormalizes(t *testing.T) {
	for _, c := range []struct{ allow, text, want string }{
		{"", "https://example.com", "https://example.com/"},
		{"", "HTTPS://Example.COM/Path", "https://example.com/Path"},
		{"", "https://example.com?a=b", "https://example.com/?a=b"},
		{"", "https://example.com/?", "https://example.com/?"},
		{"", "https://example.com:443/a", "https://example.com/a"},
		{"", "https://example.com:80/a", "https://example.com:80/a"},
		{"", "https://example.com:8443/a/./b/../c", "https://example.com:8443/a/c"},
		{"", "https://example.com/../../a", "https://example.com/a"},
		{"", "https://example.com//a//b/", "https://example.com//a//b/"},
		{"", "https://example.com/a%2Fb%20c", "https://example.com/a%2Fb%20c"},
		{"", "https://example.com/é%2F?q=ü", "https://example.com/%C3%A9%2F?q=%C3%BC"},
		{"", "https://example.com/{id}?q=\"<x>\"|`^", "https://example.com/%7Bid%7D?q=%22%3Cx%3E%22%7C%60%5E"},
		{"", "https://example.com/?u=http://127.0.0.1/@x", "https://example.com/?u=http://127.0.0.1/@x"},
		{"", "https://example.com/@x:y", "https://example.com/@x:y"},
		{"", "https://bücher.example/", "https://xn--bcher-kva.example/"},
		{"", "https://BÜCHER。example/", "https://xn--bcher-kva.example/"},
		{"", "https://xn--bcher-kva.example", "https://xn--bcher-kva.example/"},
		{"", "https://my_app.example.com/", "https://my_app.example.com/"},
		{"", "https://127.0.0.1.nip.io/", "https://127.0.0.1.nip.io/"}, // is blocked when it is dialed
		{"", "https://8.8.8.8/", "https://8.8.8.8/"},
		{"", "https://[2606:4700:0::1111]/", "https://[2606:4700::1111]/"},
		{"", "https://[2606:4700::1111]:443", "https://[2606:4700::1111]/"},
		{"10.0.0.0/8", "http://Example.com", "http://example.com/"},
		{"10.0.0.0/8", "http://example.com:80", "http://example.com/"},
		{"10.0.0.0/8", "http://10.1.2.3:8080/a", "http://10.1.2.3:8080/a"},
		{"10.0.0.0/8", "http://app:8080/a", "http://app:8080/a"},
		{"127.0.0.0/8", "http://localhost:8080/", "http://localhost:8080/"},
		{"::1/128", "https://localhost/", "https://localhost/"},
		{"fd00::/8", "http://[FD00::2]:8080", "http://[fd00::2]:8080/"},
	} {
		got, err := sender.CheckURL(c.text, newGuard(t, c.allow))
		if err != nil || got != c.want {
			t.Errorf("%q: %q, error %v; want %q", c.text, got, err, c.want)
			continue
		}
		if again, err := sender.CheckURL(got, newGuard(t, c.allow)); err != nil || again != got {
			t.Errorf("%q again: %q, error %v", got, again, err)
		}
	}
}

// TestCheckURLOfOperator: without a guard the operator may name what strangers may
// not. Grammar is grammar all the same.
func TestCheckURLOfOperator(t *testing.T) {
	for text, want := range map[string]string{
		"http://localhost:9000":             "http://localhost:9000/",
		"http://User:p%40ss@app:6379/a":     "http://User:p%40ss@app:6379/a",
		"http://127.0.0.1/":                 "http://127.0.0.1/",
		"https://169.254.169.254/":          "https://169.254.169.254/",
		"http://[::1]:80/":                  "http://[::1]/",
		"http://2130706433/":                "",
		"http://[::ffff:127.0.0.1]/":        "",
		"ftp://app/":                        "",
		"http://app:0/":                     "",
		"http://a b@app/":                   "",
		"http://user:secret@ex ample.com/":  "",
		"http://user:secret%zz@example.com": "",
	} {
		got, err := sender.CheckURL(text, nil)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, error %v", text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// dialed returns what net/http would dial for a URL. It goes no further than to where
// that is known, so that a fuzzer sees no goroutines.
func dialed(tb testing.TB, text string) (host, port string) {
	tb.Helper()
	type enough struct{ address string }
	trace := &httptrace.ClientTrace{GetConn: func(address string) { panic(enough{address}) }}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(tb.Context(), trace), http.MethodPost, text, http.NoBody)
	if err != nil {
		tb.Fatalf("%q: %v", text, err)
	}
	defer func() {
		reached, ok := recover().(enough)
		if host, port, err = net.SplitHostPort(reached.address); !ok || err != nil {
			tb.Fatalf("%q: dials %q: %v", text, reached.address, err)
		}
	}()
	_, err = new(http.Transport).RoundTrip(r)
	tb.Fatalf("%q: %v", text, err)
	return "", ""
}

// FuzzCheckURL: what is taken is taken again unchanged, is read by [net/url] as the
// same host, and is dialed as just that host: an address that passes the guard, or
// a name that no resolver takes for an address. (E-09)
func FuzzCheckURL(f *testing.F) {
	for _, host := range spellings() {
		f.Add("https://" + host + "/")
	}
	for _, text := range []string{"https://example.com:8443/a?b", "http://10.1.2.3/", "https://bücher.example/é", "HTTP://app:81", "https://[2606:4700::1111]/", "https://a.b/%2e%2e/;x=1?%"} {
		f.Add(text)
	}
	strict, corporate := newGuard(f, ""), newGuard(f, "10.0.0.0/8 fd00::/8")
	f.Fuzz(func(t *testing.T, text string) {
		for _, guard := range []*sender.Guard{strict, corporate, nil} {
			got, err := sender.CheckURL(text, guard)
			if err != nil {
				continue
			}
			if again, err := sender.CheckURL(got, guard); err != nil || again != got || len(got) > sender.MaxURL {
				t.Fatalf("%q is taken as %q, and that as %q, error %v", text, got, again, err)
			}
			u, err := url.Parse(got)
			if err != nil || u.Fragment != "" || u.Path == "" || u.Scheme != "http" && u.Scheme != "https" || guard != nil && u.User != nil {
				t.Fatalf("%q is taken as %q: %v", text, got, err)
			}
			host, port := dialed(t, got)
			if host != u.Hostname() || u.Port() != "" && port != u.Port() {
				t.Fatalf("%q is taken as %q, which dials %s %s", text, got, host, port)
			}
			if address, err := netip.ParseAddr(host); err == nil {
				if err := guard.Check(address, u.Scheme == "http"); err != nil || address.String() != host {
					t.Fatalf("%q is taken as %q: %v", text, got, err)
				}
				continue
			}
			if last := host[strings.LastIndexByte(host, '.')+1:]; strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == "" {
				t.Fatalf("%q is taken as %q, which some take for an address", text, got)
			}
			if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
				t.Fatalf("%q is taken as %q, which is no name", text, got)
			}
		}
	})
}
