package verifier_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/verifier"
)

// eventOf signs a body and reads its event.
func eventOf(t testing.TB, s verifier.Scheme, body string) (verifier.Event, error) {
	t.Helper()
	secret := testSecret(s)
	h := sign(t, newSigner(t, s, secret), verifier.Message{ID: "msg_1", Timestamp: noon, Body: []byte(body)})
	verified, err := newVerifier(t, s, secret).Verify(post(h), []byte(body), noon)
	if err != nil {
		t.Fatal(err)
	}
	return verified.Event()
}

// idAt is a scheme whose id is at the pointer.
func idAt(pointer string) verifier.Scheme {
	return hmacOf("pointed", "X-Signature", func(s *verifier.Scheme) { s.ID = verifier.Ref("json:" + pointer) })
}

// TestPitfall36IDInTheBody: an id that cannot be told for sure is refused; a body
// without one, or that is no JSON, has none. (pitfall 36) (B-11, B-19, T-17)
func TestPitfall36IDInTheBody(t *testing.T) {
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	tooDeep := strings.Repeat("[", 20000) + strings.Repeat("]", 20000)
	const malformed = "malformed body "
	for name, test := range map[string]struct {
		pointer, body string
		id            string
		err           string
	}{
		"text":                       {"/id", `{"id":"a"}`, "a", ""},
		"white space":                {"/id", " \r\n\t{ \"id\" : \"a\" } \n", "a", ""},
		"last":                       {"/id", `{"x":[{"id":"no"}],"y":{"id":"no"},"id":"a"}`, "a", ""},
		"escaped value":              {"/id", `{"id":"\u0061\/\"b"}`, `a/"b`, ""},
		"escaped name":               {"/id", `{"\u0069d":"a"}`, "a", ""},
		"another letter case":        {"/id", `{"ID":"a","Id":"b"}`, "", ""},
		"nested":                     {"/event/id", `{"event":{"id":"a"},"id":"b"}`, "a", ""},
		"in a list":                  {"/1/id", `[{"id":"a"},{"id":"b"}]`, "b", ""},
		"first of a list":            {"/0", `["a"]`, "a", ""},
		"past the list":              {"/2/id", `[{"id":"a"},{"id":"b"}]`, "", ""},
		"index with a zero":          {"/01", `["a","b"]`, "", ""},
		"index as a member":          {"/0", `{"0":"a"}`, "a", ""},
		"the element after":          {"/-", `["a"]`, "", ""},
		"an empty name":              {"/", `{"":"a"}`, "a", ""},
		"a slash in the name":        {"/a~1b", `{"a/b":"x"}`, "x", ""},
		"a tilde in the name":        {"/m~0n", `{"m~n":"x"}`, "x", ""},
		"a tilde before a one":       {"/~01", `{"~1":"x","/":"y"}`, "x", ""},
		"deep elsewhere":             {"/id", `{"x":` + deep + `,"id":"a"}`, "a", ""},
		"duplicates elsewhere":       {"/id", `{"x":{"y":1,"y":2},"z":1,"z":2,"id":"a"}`, "a", ""},
		"not UTF-8 elsewhere":        {"/id", "{\"x\":\"\xff\",\"id\":\"a\"}", "a", ""},
		"256 bytes":                  {"/id", `{"id":"` + strings.Repeat("a", 256) + `"}`, strings.Repeat("a", 256), ""},
		"the delimiter is no matter": {"/id", `{"id":"a.b"}`, "a.b", ""},

		"missing":               {"/id", `{"x":"a"}`, "", ""},
		"missing on the way":    {"/event/id", `{"event":"x"}`, "", ""},
		"null on the way":       {"/event/id", `{"event":null}`, "", ""},
		"empty object":          {"/id", `{}`, "", ""},
		"empty body":            {"/id", ``, "", ""},
		"no JSON":               {"/id", `id=a&x=b`, "", ""},
		"text alone":            {"/id", `"id"`, "", ""},
		"cut off":               {"/id", `{"id":"a"`, "", ""},
		"cut off in the id":     {"/id", `{"id":"a`, "", ""},
		"something after":       {"/id", `{"id":"a"} x`, "", ""},
		"a second document":     {"/id", `{"id":"a"}{"id":"b"}`, "", ""},
		"a trailing comma":      {"/id", `{"id":"a",}`, "", ""},
		"a comment":             {"/id", `{/**/"id":"a"}`, "", ""},
		"a byte order mark":     {"/id", "\ufeff" + `{"id":"a"}`, "", ""},
		"single quotes":         {"/id", `{'id':'a'}`, "", ""},
		"a control character":   {"/id", "{\"id\":\"a\nb\"}", "", ""},
		"deeper than allowed":   {"/id", `{"x":` + tooDeep + `,"id":"a"}`, "", ""},
		"broken after the id":   {"/id", `{"id":"a","x":tru}`, "", ""},
		"a number, then broken": {"/id", `{"id":1,"x":tru}`, "", ""},

		"twice":                     {"/id", `{"id":"a","id":"b"}`, "", malformed + "/id: is there twice"},
		"twice the same":            {"/id", `{"id":"a","id":"a"}`, "", malformed + "/id: is there twice"},
		"twice, null first":         {"/id", `{"id":null,"id":"b"}`, "", malformed + "/id: is there twice"},
		"twice, one escaped":        {"/id", `{"id":"a","\u0069\u0064":"b"}`, "", malformed + "/id: is there twice"},
		"twice, far apart":          {"/id", `{"id":"a","x":[` + strings.Repeat("1,", 1e5) + `1],"id":"b"}`, "", malformed + "/id: is there twice"},
		"twice on the way":          {"/event/id", `{"event":{"id":"a"},"event":{}}`, "", malformed + "/event/id: is there twice"},
		"twice on the way, no text": {"/event/id", `{"event":{"id":1},"event":2}`, "", malformed + "/event/id: is there twice"},
		"twice within":              {"/event/id", `{"event":{"id":"a","id":"b"}}`, "", malformed + "/event/id: is there twice"},
		"twice in a list":           {"/0/id", `[{"id":"a","id":"b"}]`, "", malformed + "/0/id: is there twice"},
		"a number":                  {"/id", `{"id":1}`, "", malformed + "/id: is no text"},
		"null":                      {"/id", `{"id":null}`, "", malformed + "/id: is no text"},
		"true":                      {"/id", `{"id":true}`, "", malformed + "/id: is no text"},
		"an object":                 {"/id", `{"id":{"id":"a"}}`, "", malformed + "/id: is no text"},
		"a list":                    {"/id", `{"id":["a"]}`, "", malformed + "/id: is no text"},
		"no text, nested":           {"/event/id", `{"event":{"id":7},"x":1}`, "", malformed + "/event/id: is no text"},
		"empty":                     {"/id", `{"id":""}`, "", malformed + "/id: has to be 1 to 256 visible ASCII characters"},
		"257 bytes":                 {"/id", `{"id":"` + strings.Repeat("a", 257) + `"}`, "", malformed + "/id: has to be 1 to 256 visible ASCII characters"},
		"10 kB":                     {"/id", `{"id":"` + strings.Repeat("a", 1e4) + `"}`, "", malformed + "/id: has to be 1 to 256 visible ASCII characters"},
		"a space":                   {"/id", `{"id":"a b"}`, "", malformed + "/id: has to be 1 to 256 visible ASCII characters"},
		"a line feed":               {"/id", `{"id":"a\nb"}`, "", malformed + "/id: has to be 1 to 256 visible ASCII characters"},
		"NUL":                       {"/id", `{"id":"\u0000"}`, "", malformed + "/id: has to be 1 to 256 visible ASCII characters"},
		"DEL":                       {"/id", "{\"id\":\"\x7f\"}", "", malformed + "/id: has to be 1 to 256 visible ASCII characters"},
		"not ASCII":                 {"/id", `{"id":"é"}`, "", malformed + "/id: has to be 1 to 256 visible ASCII characters"},
		"not UTF-8":                 {"/id", "{\"id\":\"\xff\"}", "", malformed + "/id: has to be 1 to 256 visible ASCII characters"},
		"half a surrogate pair":     {"/id", `{"id":"\ud800"}`, "", malformed + "/id: has to be 1 to 256 visible ASCII characters"},
	} {
		event, err := eventOf(t, idAt(test.pointer), test.body)
		if test.err == "" && err == nil {
			if event.ID != test.id || event.Digest != sha256.Sum256([]byte(test.body)) {
				t.Errorf("%s: id %q, digest %x; want %q", name, event.ID, event.Digest, test.id)
			}
			continue
		}
		if fmt.Sprint(err) != test.err || !errors.Is(err, verifier.ErrMalformedBody) || event != (verifier.Event{}) {
			t.Errorf("%s: event %+v, error %v; want %q", name, event, err, test.err)
		}
	}
}

// TestTypeDecidesNothing: a type that cannot be told is no type, and no refusal.
func TestTypeDecidesNothing(t *testing.T) {
	s := hmacOf("typed", "X-Signature", func(s *verifier.Scheme) { s.Type = "json:/type" })
	for body, want := range map[string]string{
		`{"type":"order.paid"}`: "order.paid", `{"type":"a","type":"b"}`: "", `{"type":7}`: "", `{"type":"a b"}`: "", `{"type":"é"}`: "", `{"type":""}`: "",
		`{}`: "", `type`: "", `{"type":"` + strings.Repeat("a", 257) + `"}`: "",
	} {
		if event, err := eventOf(t, s, body); err != nil || event.Type != want {
			t.Errorf("%.40s: type %q, error %v; want %q", body, event.Type, err, want)
		}
	}
}

// TestEventsOfPresets: each finds id and type where its provider puts them.
func TestEventsOfPresets(t *testing.T) {
	for _, test := range []struct{ scheme, body, id, typ string }{
		{"slack", `token=x&command=%2Fweather`, "", ""},
		{"slack", `{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention","type_":"x"}}`, "Ev1", "app_mention"},
		{"slack", `{"type":"url_verification","challenge":"x"}`, "", ""},
		{"stripe", `{"id":"evt_1","type":"charge.paid","data":{"object":{"id":"ch_1","type":"card"}}}`, "evt_1", "charge.paid"},
		{"travelbase", `{"id":"evt_1","type":"trip.booked","created_at":"2026-02-20T16:25:51.293Z","data":{}}`, "evt_1", "trip.booked"},
		{"svix", `{"type":"a","id":"not the id"}`, "msg_1", "a"},
		{"standard", `no JSON`, "msg_1", ""},
		{"github", `{"id":"x","type":"y"}`, "", ""},
		{"shopify", `{"id":"x","type":"y"}`, "", ""},
	} {
		event, err := eventOf(t, preset(t, test.scheme), test.body)
		if err != nil || event.ID != test.id || event.Type != test.typ {
			t.Errorf("%s: %s: event %+v, error %v; want %s and %s", test.scheme, test.body, event, err, test.id, test.typ)
		}
	}
}

// TestPitfall08DigestIsOfWhatIsSigned: it is the same for every retry and every
// spelling, whatever stands before the good signature. (pitfall 8) (T-06)
func TestPitfall08DigestIsOfWhatIsSigned(t *testing.T) {
	for _, f := range fixtures(t) {
		want := f.accepted(t, "as signed", f.header, f.message.Body).Digest
		if sum := sha256.Sum256(f.message.Body); !strings.Contains(f.scheme.Signed, "{url}") && want != sum {
			t.Errorf("%s: digest %x; want that of the body, %x", f.name, want, sum)
		}
		again := f.message
		again.Timestamp = noon.Add(-4 * 60e9)
		headers := map[string]http.Header{"as signed": f.header, "a retry": f.sign(t, again)}
		if l := f.scheme.Signature[0]; l.List != "" {
			before, _, _ := strings.Cut(f.header[f.signatureHeader()][0], f.item()+l.Pair)
			_, signature := f.split(t)
			junk := f.item() + l.Pair + strings.Repeat("0", len(signature))
			headers["junk before"] = with(f.header, f.signatureHeader(), before+junk+l.List+f.item()+l.Pair+signature)
			headers["junk after"] = with(f.header, f.signatureHeader(), before+f.item()+l.Pair+signature+l.List+junk)
		}
		if f.scheme.UnsignedID != "" {
			headers["a fresh unsigned id"] = with(f.header, f.scheme.UnsignedID, "fresh")
			headers["no unsigned id"] = with(f.header, f.scheme.UnsignedID)
		}
		for name, h := range headers {
			if event := f.accepted(t, name, h, f.message.Body); event.Digest != want || event.ID != f.event.ID {
				t.Errorf("%s: %s: id %s, digest %x; want %s, %x", f.name, name, event.ID, event.Digest, f.event.ID, want)
			}
		}
	}
}

// TestSignedIDIsPlain: an id that could not be shown, logged or sent on is refused
// even if it is signed. (H-06, H-07)
func TestSignedIDIsPlain(t *testing.T) {
	for _, name := range []string{"svix", "standard"} {
		s := preset(t, name)
		v := newVerifier(t, s, testSecret(s))
		for id, good := range map[string]bool{
			"a": true, "~!\"#$%&'()*+,-/:;<=>?@[\\]^_`{|}": true, strings.Repeat("a", 256): true,
			strings.Repeat("a", 257): false, strings.Repeat("a", 15<<10): false, "a.b": false, ".": false, "a b": false, "é": false, "\xff": false,
			"a\x00": false, "a\r\nX: y": false, "a\x7f": false, "a\tb": false,
		} {
			h := http.Header{
				name + "-id": {id}, name + "-timestamp": {"1795435200"}, name + "-signature": {"v1," + hmacText(t, s, testSecret(s), id+".1795435200.{}")},
			}
			canonical := http.Header{}
			for key, lines := range h {
				canonical[http.CanonicalHeaderKey(strings.Replace(key, "standard", "webhook", 1))] = lines
			}
			_, err := v.Verify(post(canonical), []byte("{}"), noon)
			if (err == nil) != good || err != nil && !errors.Is(err, verifier.ErrMalformedHeader) {
				t.Errorf("%s: %.40q: %v", name, id, err)
			}
		}
	}
}
