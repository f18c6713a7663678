package verifier_test

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// TestPitfall26DroppedTimestamp: a value that the template names cannot be left
// out and put into the body. (pitfall 26)
func TestPitfall26DroppedTimestamp(t *testing.T) {
	for _, f := range fixtures(t) {
		if f.scheme.Timestamp == nil {
			continue
		}
		want := 0
		for _, ref := range []verifier.Ref{f.scheme.ID, f.scheme.Type, timeOf(f.scheme)} {
			if strings.HasPrefix(string(ref), "header:") {
				want++
			}
		}
		moved := 0
		prefix, _, _ := strings.Cut(f.scheme.Signed, "{body}")
		at := "1795435200"
		if f.scheme.Timestamp.Format == verifier.RFC3339 {
			at = "2026-11-23T12:00:00.000Z"
		}
		signed := assemble(prefix, parts{"id": f.message.ID, "timestamp": at})
		body := append([]byte(signed), f.message.Body...)
		bare := http.Header{f.signatureHeader(): f.header[f.signatureHeader()]}
		f.refused(t, "all but the signature moved into the body", bare, body)
		for name := range f.header {
			if !f.unsigned(name) && name != f.signatureHeader() {
				f.refused(t, name+" moved into the body", with(f.header, name), body, verifier.ErrMissingHeader)
				f.refused(t, name+" emptied and put into the body", with(f.header, name, ""), body, verifier.ErrMissingHeader)
				moved++
			}
		}
		if moved != want {
			t.Errorf("%s: %d headers were moved; want %d", f.name, moved, want)
		}
	}
}

// TestPitfall27TemplateIsNotInterpreted: what looks like a variable or a format is
// plain bytes. (pitfall 27)
func TestPitfall27TemplateIsNotInterpreted(t *testing.T) {
	for _, id := range []string{"{body}", "{timestamp}", "{id}", "{{id}}", "$&", "$1", "%s%n%v", "\\0", "{", "}", "{}"} {
		for _, f := range fixtures(t) {
			if f.scheme.Signed != "{id}.{timestamp}.{body}" || f.scheme.Timestamp.Format != verifier.Unix || f.scheme.IDVaries {
				continue
			}
			m := f.message
			m.ID, m.Body = id, []byte("{id}{timestamp}{body}"+id)
			h := f.sign(t, m)
			if event := f.accepted(t, "id "+id, h, m.Body); event.ID != id {
				t.Errorf("%s: id %q; want %q", f.name, event.ID, id)
			}
			if f.item() == "v1" {
				if want := "v1," + hmacText(t, f.scheme, f.secret, id+".1795435200."+string(m.Body)); h[f.signatureHeader()][0] != want {
					t.Errorf("%s: id %s: signature %s; want %s", f.name, id, h[f.signatureHeader()][0], want)
				}
			}
			for _, other := range []string{string(m.Body), "1795435200", "x"} {
				f.refused(t, "id "+id+" as "+other, with(h, string(f.scheme.ID)[len("header:"):], other), m.Body)
			}
		}
	}
}

// (pitfall 29) (S-15)
func TestPitfall29ReserializedBody(t *testing.T) {
	const original = `{"id":"evt_1","name":"é","n":1.0,"a":[1,2]}`
	for _, f := range fixtures(t) {
		m := f.message
		m.Body = []byte(original)
		h := f.sign(t, m)
		f.accepted(t, "as signed", h, m.Body)
		for name, body := range map[string]string{
			"keys in another order": `{"name":"é","id":"evt_1","n":1.0,"a":[1,2]}`,
			"spaces":                `{"id": "evt_1", "name": "é", "n": 1.0, "a": [1, 2]}`,
			"escapes":               strings.Replace(original, "é", `\u00e9`, 1),
			"decomposed":            strings.Replace(original, "é", "e\u0301", 1),
			"Latin-1":               strings.Replace(original, "é", "\xe9", 1),
			"number":                strings.Replace(original, "1.0", "1", 1),
			"line feed":             original + "\n",
			"return":                original + "\r\n",
			"byte order mark":       "\ufeff" + original,
			"white space before":    " " + original,
			"NUL after":             original + "\x00",
			"nothing":               "",
			"null":                  "null",
		} {
			f.refused(t, name, h, []byte(body), verifier.ErrInvalidSignature)
		}
	}
}

// TestPitfall34AnyBytesCanBeSigned, text or not; an empty body too. (pitfall 34)
// (S-12, S-16)
func TestPitfall34AnyBytesCanBeSigned(t *testing.T) {
	for _, f := range fixtures(t) {
		for name, body := range map[string][]byte{
			"empty": {}, "nil": nil, "byte order mark": []byte("\ufeff{}"), "not UTF-8": {0xff, 0xfe, 0xc0, 0x80}, "NUL": {0}, "line feeds": []byte("\r\n\r\n"),
			"64 KiB and one": bytes.Repeat([]byte{0xff}, 64<<10+1), "a megabyte": bytes.Repeat([]byte("\x00a"), 1<<19), "a delimiter": []byte("."), "braces": []byte("{}{}"),
		} {
			m := f.message
			m.Body = body
			h := f.sign(t, m)
			f.accepted(t, name, h, body)
			f.refused(t, name+", longer", h, append(slices.Clone(body), 'x'), verifier.ErrInvalidSignature)
		}
		f.refused(t, "empty under the signature of another", f.header, nil, verifier.ErrInvalidSignature)
	}
}

// TestPitfall30CompressedBody: the bytes are signed as they were received.
// Nothing is unpacked here, so that no bomb goes off. (pitfall 30) (B-10)
func TestPitfall30CompressedBody(t *testing.T) {
	for _, f := range fixtures(t) {
		if f.scheme.MaxDecoded > 0 {
			continue // see TestPitfall30DecodedBody
		}
		m := f.message
		m.Body = gzipped(t, f.message.Body)
		h := with(f.sign(t, m), "Content-Encoding", "gzip")
		event := f.accepted(t, "packed", h, m.Body)
		if s := f.scheme; strings.HasPrefix(string(s.ID), "json:") && event.ID != "" {
			t.Errorf("%s: id %q was unpacked", f.name, event.ID)
		}
		f.refused(t, "unpacked", h, f.message.Body, verifier.ErrInvalidSignature)
		f.refused(t, "packed, under the signature of the unpacked", with(f.header, "Content-Encoding", "gzip"), m.Body, verifier.ErrInvalidSignature)
	}
}

// TestPitfall35URLIsTheConfiguredOne: neither Host nor X-Forwarded-* have a say in
// what is signed; the query of the request neither. (pitfall 35)
func TestPitfall35URLIsTheConfiguredOne(t *testing.T) {
	s := hmacOf("url", "X-Signature", func(s *verifier.Scheme) { s.Signed = "{method}{url}{body}" })
	const public, secret = "https://example.com/hook?b=2&a=1", "0123456789abcdef"
	v, err := verifier.New(s, []string{secret}, verifier.Options{PublicURL: public})
	if err != nil {
		t.Fatal(err)
	}
	signature := func(method, url string) http.Header {
		return http.Header{"X-Signature": {hmacText(t, s, secret, method+url+"{}")}}
	}
	good := signature("POST", public)
	forwarded := with(with(good, "X-Forwarded-Host", "evil.example"), "Host", "evil.example")
	var digests [][32]byte
	for _, r := range []verifier.Request{
		{Method: "POST", Header: good},
		{Method: "POST", Header: forwarded},
		{Method: "POST", Header: good, RawQuery: "a=1&b=2"},
		{Method: "POST", Header: good, RawQuery: "evil=1"},
	} {
		verified, err := v.Verify(&r, []byte("{}"), noon)
		if err != nil {
			t.Errorf("%+v: %v", r, err)
			continue
		}
		event, err := verified.Event()
		if err != nil {
			t.Error(err)
		}
		digests = append(digests, event.Digest)
	}
	if len(slices.Compact(digests)) != 1 {
		t.Errorf("digests %x; want them equal", digests)
	}
	for _, r := range []verifier.Request{
		{Method: "PUT", Header: good},
		{Method: "post", Header: good},
		{Method: "", Header: good},
		{Method: "POST" + public[:1], Header: good},
		{Method: "POST", Header: signature("POST", "https://evil.example/hook?b=2&a=1")},
		{Method: "POST", Header: signature("POST", "https://example.com/hook?a=1&b=2")},
		{Method: "POST", Header: with(signature("POST", "https://evil.example/"), "Host", "evil.example")},
	} {
		if _, err := v.Verify(&r, []byte("{}"), noon); err == nil {
			t.Errorf("%+v is accepted", r)
		}
	}
	// Another URL, another event, even with the same body.
	elsewhere, err := verifier.New(s, []string{secret}, verifier.Options{PublicURL: "https://example.com/other"})
	if err != nil {
		t.Fatal(err)
	}
	verified, err := elsewhere.Verify(&verifier.Request{Method: "POST", Header: signature("POST", "https://example.com/other")}, []byte("{}"), noon)
	if err != nil {
		t.Fatal(err)
	}
	if event, _ := verified.Event(); event.Digest == digests[0] {
		t.Error("one digest for two URLs")
	}
}

// TestPitfall12LetterCaseOfNames: the scheme's spelling does not matter, the
// request's is canonical. (pitfall 12)
func TestPitfall12LetterCaseOfNames(t *testing.T) {
	for _, f := range fixtures(t) {
		for name, change := range map[string]func(string) string{"upper": strings.ToUpper, "lower": strings.ToLower} {
			s := f.scheme
			respell := func(r verifier.Ref) verifier.Ref {
				if kind, header, _ := strings.Cut(string(r), ":"); kind == "header" {
					return verifier.Ref(kind + ":" + change(header))
				}
				return r
			}
			s.Signature = slices.Clone(s.Signature)
			s.Signature[0].From = respell(s.Signature[0].From)
			s.ID = respell(s.ID)
			s.Aliases = slices.Clone(s.Aliases)
			for i := range s.Aliases {
				s.Aliases[i] = change(s.Aliases[i])
			}
			if s.Timestamp != nil {
				at := *s.Timestamp
				at.From = respell(at.From)
				s.Timestamp = &at
			}
			v := newVerifier(t, s, f.secret)
			if _, err := v.Verify(post(f.header), f.message.Body, noon); err != nil {
				t.Errorf("%s, %s case: %v", f.name, name, err)
			}
			if !f.slow() {
				h := signWith(t, newSigner(t, s, f.secret), s, verifier.Message{ID: f.message.ID, Type: f.message.Type, Timestamp: noon, Body: f.message.Body})
				if !maps.EqualFunc(h, f.header, slices.Equal) {
					t.Errorf("%s, %s case: signed %v; want %v", f.name, name, h, f.header)
				}
			}
		}
	}
}

// TestPitfall38BodyThatIsNotSigned: a scheme that leaves the body out loads only
// with allow_weak, and says that it is weak. (pitfall 38)
func TestPitfall38BodyThatIsNotSigned(t *testing.T) {
	s := hmacOf("mailgun", "X-Signature", func(s *verifier.Scheme) {
		s.Signed, s.Timestamp = "{timestamp}.", &verifier.Timestamp{From: "header:X-Time", Format: verifier.Unix}
	})
	secret := testSecret(s)
	if _, err := verifier.New(s, []string{secret}, verifier.Options{}); err == nil || !strings.Contains(err.Error(), "anyone could change the body") {
		t.Errorf("without allow_weak: %v", err)
	}
	v, err := verifier.New(s, []string{secret}, verifier.Options{AllowWeak: true})
	if err != nil || !v.Weak() {
		t.Fatalf("weak %t, error %v", err == nil && v.Weak(), err)
	}
	// The signed bytes are those of the template: no body among them.
	h := http.Header{"X-Time": {"1795435200"}, "X-Signature": {hmacText(t, s, secret, "1795435200.")}}
	for _, body := range []string{"", "{}", "anything"} {
		if _, err := v.Verify(post(h), []byte(body), noon); err != nil {
			t.Errorf("with the body %q: %v", body, err)
		}
	}
	h["X-Signature"] = []string{hmacText(t, s, secret, "1795435200.{}")}
	if _, err := v.Verify(post(h), []byte("{}"), noon); err == nil {
		t.Error("accepted with a signature that covers the body")
	}
	s.Type = "json:/type"
	if _, err := verifier.New(s, []string{secret}, verifier.Options{AllowWeak: true}); err == nil || !strings.Contains(err.Error(), "nothing in it can be believed") {
		t.Errorf("a type in the body: %v", err)
	}
}

// TestPitfall21DigestIsNoMAC: a plain digest of secret and body can be lengthened,
// so there is no such algorithm. (pitfall 21)
func TestPitfall21DigestIsNoMAC(t *testing.T) {
	for _, algorithm := range []verifier.Algorithm{"sha256", "sha-256", "hmac-md5", "none", "HMAC-SHA256", ""} {
		s := hmacOf("digest", "X-Signature", func(s *verifier.Scheme) { s.Keys[0].Algorithm = algorithm })
		if err := verifier.Check(s); err == nil || !strings.Contains(err.Error(), "unknown algorithm") {
			t.Errorf("%q: %v", algorithm, err)
		}
	}
}
