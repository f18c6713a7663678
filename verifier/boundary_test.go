package verifier_test

import (
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/samples"
	"github.com/hookgate/hookgate/verifier"
)

// parts are the values that a template puts together.
type parts map[string]string

var templateSegment = regexp.MustCompile(`\{[a-z]+\}|[^{]+`)

// assemble returns the signed bytes, by the plainest reading of a template.
func assemble(template string, p parts) string {
	return templateSegment.ReplaceAllStringFunc(template, func(segment string) string {
		if segment[0] == '{' {
			return p[segment[1:len(segment)-1]]
		}
		return segment
	})
}

// divisions yields every way in which the signed bytes can be read as the
// template, whatever the grammar of its variables; fixed ones have their value
// already.
func divisions(template, signed string, p parts, yield func(parts)) {
	segment := templateSegment.FindString(template)
	rest := template[len(segment):]
	if segment == "" {
		if signed == "" {
			yield(p)
		}
		return
	}
	name, variable := strings.CutPrefix(strings.TrimSuffix(segment, "}"), "{")
	value, known := p[name], !variable
	if !variable {
		value = segment
	} else if _, set := p[name]; set {
		known = true
	}
	if known {
		if after, ok := strings.CutPrefix(signed, value); ok {
			divisions(rest, after, p, yield)
		}
		return
	}
	for i := range len(signed) + 1 {
		p[name] = signed[:i]
		divisions(rest, signed[i:], p, yield)
	}
	delete(p, name)
}

// carry puts the values where the scheme has them, beside a signature.
func carry(s verifier.Scheme, p parts, signature string) (h http.Header, body string) {
	h = http.Header{}
	list := ""
	for name, from := range map[string]verifier.Ref{"id": s.ID, "type": s.Type, "timestamp": timeOf(s)} {
		where, at, _ := strings.Cut(string(from), ":")
		switch where {
		case "header":
			h[http.CanonicalHeaderKey(at)] = []string{p[name]}
		case "part":
			list += at + s.Signature[0].Pair + p[name] + s.Signature[0].List
		}
	}
	_, at, _ := strings.Cut(string(s.Signature[0].From), ":")
	item := s.Signature[0].Prefix + signature
	if s.Signature[0].Pair != "" {
		item = s.Keys[0].Item + s.Signature[0].Pair + item
	}
	h[http.CanonicalHeaderKey(at)] = []string{list + item}
	return h, p["body"]
}

func timeOf(s verifier.Scheme) verifier.Ref {
	if s.Timestamp == nil {
		return ""
	}
	return s.Timestamp.From
}

// shifts reads the signed bytes of a webhook in all ways that give the same bytes
// and reports how many there are and which of them, the right one apart, have a
// good signature.
func shifts(t *testing.T, s verifier.Scheme, o verifier.Options, p parts) (tried int, accepted []parts) {
	t.Helper()
	p, whole := maps.Clone(p), p["body"]
	maps.DeleteFunc(p, func(name, _ string) bool { return !strings.Contains(s.Signed, "{"+name+"}") })
	v, err := verifier.New(s, []string{testSecret(s)}, o)
	if err != nil {
		t.Fatal(err)
	}
	signature := signedText(t, s, assemble(s.Signed, p))
	known := parts{}
	for _, name := range []string{"url", "method"} {
		if p[name] != "" {
			known[name] = p[name]
		}
	}
	judge := func(q parts) error {
		h, body := carry(s, q, signature)
		if s.BodySHA256 != "" {
			body = whole
		}
		_, err := v.Verify(&verifier.Request{Method: q["method"], Header: h, RawQuery: q["query"]}, []byte(body), noon)
		return err
	}
	if err := judge(p); err != nil && reason(t, err) != verifier.ErrStaleTimestamp {
		t.Fatalf("%s: the right division is refused: %v", s.Signed, err)
	}
	divisions(s.Signed, assemble(s.Signed, p), known, func(q parts) {
		tried++
		err := judge(q)
		good := err == nil || reason(t, err) == verifier.ErrStaleTimestamp || reason(t, err) == verifier.ErrFutureTimestamp
		if good && !maps.Equal(q, p) {
			accepted = append(accepted, maps.Clone(q))
		}
	})
	return tried, accepted
}

// hostile bodies hold what could be taken for an id, a time or a delimiter.
var hostile = []string{
	"",
	".",
	"..",
	"1795435200",
	".1795435200.",
	"1795435200.1795435200.x",
	"1795435200000.1795435200.x",
	"evt_2.1795435200.{}",
	"2026-11-23T12:00:00Z2026-11-23T12:00:00Z.x",
	"293Z.{}",
	`{"id":"a.b","at":"2026-11-23T12:00:00.5Z","at":1795435200.1795435200,"s":"1795435200."}`,
	"v0:1795435200:x:1795435200:y",
	":1795435200|x",
}

// TestPitfall25BoundariesOfPresets: the signed bytes are divided in every way;
// only the right one has a good signature. (pitfall 25) (S-13)
func TestPitfall25BoundariesOfPresets(t *testing.T) {
	tried := 0
	for _, s := range verifier.Presets() {
		if s.Keys[0].Algorithm == verifier.Token {
			continue
		}
		stamps := map[verifier.TimeFormat][]string{"": {""}, verifier.Unix: {"1795435200"}, verifier.UnixMilli: {"1795435200000"}, verifier.RFC3339: {
			"2026-11-23T12:00:00.293Z", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00+00:00", "2026-11-23T12:00:00.5+00:03",
		}}
		format := verifier.TimeFormat("")
		if s.Timestamp != nil {
			format = s.Timestamp.Format
		}
		for _, stamp := range stamps[format] {
			for _, body := range hostile {
				_, query, _ := strings.Cut(samples.Address(s, []byte(body)), "?")
				n, accepted := shifts(t, s, samples.Options(s), parts{
					"id": "msg_1795435200", "timestamp": stamp, "body": body, "method": http.MethodPost, "url": samples.URL, "query": query,
				})
				tried += n
				if accepted != nil {
					t.Errorf("%s: %s and %q are also good as %q", s.Name, stamp, body, accepted[0])
				}
			}
		}
	}
	if tried < 300 {
		t.Errorf("%d divisions were tried; want at least 300", tried)
	}
}

// layouts are templates that an operator may write.
var layouts = []string{
	"{body}", "{timestamp}.{body}", "{timestamp}{body}", "{body}{timestamp}", "{body}.{timestamp}",
	"{id}.{timestamp}.{body}", "{id}.{type}.{timestamp}.{body}", "{timestamp}.{id}.{body}", "{timestamp}{id}.{body}",
	"{id}{timestamp}{body}", "{id}{timestamp}.{body}", "{timestamp}|{type}|{id}|{body}", "v0:{timestamp}:{body}",
	"{id}.{body}", "{body}.{id}", "{body}.{id}.{timestamp}", "{body}.{id}.{type}", "{body}{timestamp}{id}", "{id}.{body}.{type}",
	"{method}{url}{body}{timestamp}", "{url}{body}", "{method}.{url}.{id}.{body}", "{id}{url}{body}", "{type}{timestamp}.{id}.{body}",
	"{id}--{timestamp}--{body}",
}

// TestPitfall25BoundariesOfCustomSchemes does the same for templates that an
// operator may write: one that can be read in two ways must not load. (pitfall 25)
// (S-13)
func TestPitfall25BoundariesOfCustomSchemes(t *testing.T) {
	loaded := 0
	for _, layout := range layouts {
		for _, format := range []verifier.TimeFormat{verifier.Unix, verifier.UnixMilli, verifier.RFC3339} {
			s := hmacOf("custom", "X-Signature", func(s *verifier.Scheme) { s.Signed = layout })
			if strings.Contains(layout, "{id}") {
				s.ID = "header:X-Id"
			}
			if strings.Contains(layout, "{type}") {
				s.Type = "header:X-Type"
			}
			if strings.Contains(layout, "{timestamp}") {
				s.Timestamp = &verifier.Timestamp{From: "header:X-Time", Format: format}
			} else if format != verifier.Unix {
				continue
			}
			p := parts{"id": "evt_17", "type": "a-b", "timestamp": map[verifier.TimeFormat]string{
				verifier.Unix: "1795435200", verifier.UnixMilli: "1795435200000", verifier.RFC3339: "2026-11-23T12:00:00.293Z",
			}[format]}
			var o verifier.Options
			if strings.Contains(layout, "{url}") {
				p["url"], p["method"] = "https://example.com/hook", http.MethodPost
				o.PublicURL = p["url"]
			}
			if verifier.Check(s) != nil {
				continue
			}
			loaded++
			for _, body := range hostile {
				p["body"] = strings.ReplaceAll(body, "x", p["url"])
				if _, accepted := shifts(t, s, o, p); accepted != nil {
					t.Errorf("%s, %s: %q is also good as %q", layout, format, p, accepted[0])
					break
				}
			}
		}
	}
	if loaded < 30 {
		t.Errorf("%d layouts loaded; want at least 30", loaded)
	}
}
