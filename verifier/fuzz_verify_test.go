package verifier_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	svix "github.com/svix/svix-webhooks/go"

	"github.com/hookgate/hookgate/verifier"
)

// plain is the grammar of an id or a type.
var plain = regexp.MustCompile(`^[!-~]{1,256}$`)

// naive verifies a webhook of Svix as plainly as its rules can be written down.
func naive(t *testing.T, h http.Header, secret, body string) bool {
	family, twin := "Svix-", "Webhook-"
	if len(h["Svix-Signature"]) == 0 {
		family, twin = twin, family
	}
	value := map[string]string{}
	for _, name := range []string{"Id", "Timestamp", "Signature"} {
		lines, twins := h[family+name], h[twin+name]
		if len(lines) != 1 {
			return false
		}
		value[name] = strings.Trim(lines[0], " \t")
		if value[name] == "" || len(twins) > 0 && (len(twins) > 1 || twins[0] != value[name]) {
			return false
		}
	}
	if !plain.MatchString(value["Id"]) || strings.Contains(value["Id"], ".") || !strictTimes[verifier.Unix].MatchString(value["Timestamp"]) {
		return false
	}
	at, err := strconv.ParseInt(value["Timestamp"], 10, 64)
	if err != nil || at < noon.Unix()-300 || at > noon.Unix()+300 {
		return false
	}
	want := hmacText(t, preset(t, "svix"), secret, value["Id"]+"."+value["Timestamp"]+"."+body)
	items, signatures, good := 0, 0, false
	for _, item := range strings.Split(value["Signature"], " ") {
		item = strings.TrimSuffix(strings.Trim(item, "\t"), ",")
		if item == "" {
			continue
		}
		items++
		version, text, ok := strings.Cut(item, ",")
		if !ok {
			return false
		}
		version, text = strings.Trim(version, "\t"), strings.Trim(text, "\t")
		if version == "v1" || version == "v1a" {
			signatures++
		}
		good = good || version == "v1" && text == want
	}
	return good && items <= 32 && signatures <= 16
}

// FuzzVerify judges arbitrary headers of Svix beside a naive implementation of
// the same rules: both accept the same. What they accept, Svix's own library
// accepts too. In a signature, $ stands for the right one.
func FuzzVerify(f *testing.F) {
	scheme := preset(f, "svix")
	secret := testSecret(scheme)
	v := newVerifier(f, scheme, secret)
	theirs, err := svix.NewWebhook(secret)
	if err != nil {
		f.Fatal(err)
	}
	const id, at = "msg_1", "1795435200"
	for _, seed := range []struct {
		id, at, signature, twinID, twinAt, twinSignature, body string
		there                                                  uint8
	}{
		{id, at, "v1,$", "", "", "", "{}", 0b111},
		{"", "", "", id, at, "v1,$", "{}", 0b111000},
		{id, at, "v1,$", id, at, "v1,$", "{}", 0b111111},
		{id, at, "v1,$", "other", at, "v1,$", "{}", 0b111111},
		{id, at, "v1,$ v1,$, v1a,x", "", "", "", "", 0b111},
		{id + ".", at, "v1,$", "", "", "", "{}", 0b111},
		{" " + id, at + "\t", " v1,$ ", "", "", "", "{}", 0b111},
		{id, "1795435500", "v1,$", "", "", "", "{}", 0b111},
		{id, "1795435501", "v1,$", "", "", "", "{}", 0b111},
		{id, "01795435200", "v1,$", "", "", "", "{}", 0b111},
		{id, at, "v1,\t$\t", "", "", "", "{}", 0b111},
		{id, at, strings.Repeat("v1,x ", 15) + "v1,$", "", "", "", "{}", 0b111},
		{id, at, strings.Repeat("v1,x ", 16) + "v1,$", "", "", "", "{}", 0b111},
		{id, at, strings.Repeat("x,y ", 31) + "v1,$", "", "", "", "{}", 0b111},
		{id, at, strings.Repeat("x,y ", 32) + "v1,$", "", "", "", "{}", 0b111},
		{id, at, "v1,$,", "", "", "", "\x00\xff", 0b111},
		{id, at, "v2,$ v1,$x", "", "", "", "{}", 0b111},
	} {
		f.Add(seed.id, seed.at, seed.signature, seed.twinID, seed.twinAt, seed.twinSignature, seed.body, seed.there)
	}
	f.Fuzz(func(t *testing.T, id, at, signature, twinID, twinAt, twinSignature, body string, there uint8) {
		h := http.Header{}
		for i, line := range []struct{ name, id, at, value string }{
			{"Svix-Id", id, at, id},
			{"Svix-Timestamp", id, at, at},
			{"Svix-Signature", id, at, signature},
			{"Webhook-Id", twinID, twinAt, twinID},
			{"Webhook-Timestamp", twinID, twinAt, twinAt},
			{"Webhook-Signature", twinID, twinAt, twinSignature},
		} {
			if there>>i&1 == 1 {
				right := hmacText(t, scheme, secret, strings.Trim(line.id, " \t")+"."+strings.Trim(line.at, " \t")+"."+body)
				if strings.HasSuffix(line.name, "-Signature") {
					line.value = strings.ReplaceAll(line.value, "$", right)
				}
				h[line.name] = []string{line.value}
			}
		}
		verified, err := v.Verify(post(h), []byte(body), noon)
		if want := naive(t, h, secret, body); (err == nil) != want {
			t.Fatalf("%q, %q: %v; want accepted %t", h, body, err, want)
		}
		if err != nil {
			return
		}
		if event, err := verified.Event(); err != nil || event.ID != strings.Trim(id, " \t") && event.ID != strings.Trim(twinID, " \t") {
			t.Fatalf("%q: event %+v, error %v", h, event, err)
		}
		for name := range h { // net/http has trimmed them; we do it ourselves
			h[name] = []string{strings.ReplaceAll(strings.Trim(h[name][0], " \t"), "\t", "")}
		}
		if err := theirs.VerifyIgnoringTimestamp([]byte(body), h); err != nil {
			t.Fatalf("%q, %q: Svix refuses: %v", h, body, err)
		}
	})
}

// unique reports whether a document is JSON in which no object names a member
// twice, and all of it is UTF-8.
func unique(doc string) bool {
	if !utf8.ValidString(doc) || !json.Valid([]byte(doc)) {
		return false
	}
	d := json.NewDecoder(strings.NewReader(doc))
	var value func() bool
	value = func() bool {
		token, err := d.Token()
		if err != nil {
			return false
		}
		open, ok := token.(json.Delim)
		names := map[string]bool{}
		for ok && d.More() {
			if open == '{' {
				name, err := d.Token()
				if err != nil || names[name.(string)] {
					return false
				}
				names[name.(string)] = true
			}
			if !value() {
				return false
			}
		}
		if ok {
			_, err = d.Token()
		}
		return err == nil
	}
	if !value() {
		return false
	}
	_, err := d.Token()
	return errors.Is(err, io.EOF)
}

// resolve finds what a pointer names, by RFC 6901 and the standard library.
func resolve(doc any, pointer string) (any, bool) {
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch container := doc.(type) {
		case map[string]any:
			value, ok := container[token]
			if !ok {
				return nil, false
			}
			doc = value
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(container) || strconv.Itoa(i) != token {
				return nil, false
			}
			doc = container[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

// FuzzPointer reads an id from a body beside encoding/json: of a document without
// duplicate members both find the same.
func FuzzPointer(f *testing.F) {
	for _, seed := range [][2]string{
		{"/id", `{"id":"a"}`},
		{"/id", `{"id":"a","id":"b"}`},
		{"/event/id", `{"event":{"id":"a"},"x":[{"id":"b"}]}`},
		{"/0/id", `[{"id":"\u0061\ud83d\ude00"}]`},
		{"/a~1b/m~0n", `{"a/b":{"m~n":"x"}}`},
		{"/", `{"":"x"}`},
		{"//", `{"":{"":"x"}}`},
		{"/~01", `{"~1":"x","/":"y"}`},
		{"/01", `["a","b"]`},
		{"/-", `["a"]`},
		{"/id", ` { "\u0069d" : "a" } `},
		{"/id", `{"id":1e400,"x":-0.0}`},
		{"/id", `{"id":"\ud800"}`},
		{"/id", "\ufeff{}"},
		{"/id", `{"id":"a"`},
		{"/1/2/3", `[0,[0,0,[0,0,0,"x"]]]`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pointer, doc string) {
		s := idAt(pointer)
		if verifier.Check(s) != nil || !utf8.ValidString(pointer) || len(doc) > 4096 {
			return
		}
		event, err := eventOf(t, s, doc)
		if err != nil && !errors.Is(err, verifier.ErrMalformedBody) {
			t.Fatalf("%s in %q: %v", pointer, doc, err)
		}
		if !unique(doc) {
			if event.ID != "" && !json.Valid([]byte(doc)) {
				t.Fatalf("%s in %q: id %q of what is no JSON", pointer, doc, event.ID)
			}
			return
		}
		var root any
		if err := json.Unmarshal([]byte(doc), &root); err != nil {
			return // a number out of range
		}
		value, found := resolve(root, pointer)
		text, isText := value.(string)
		usable := isText && plain.MatchString(text)
		switch {
		case found && usable && (err != nil || event.ID != text), found && !usable && err == nil, !found && (err != nil || event.ID != ""):
			t.Fatalf("%s in %q: id %q, error %v; want %v, %t", pointer, doc, event.ID, err, value, found)
		}
	})
}
