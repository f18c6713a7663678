package cli

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/verifier"
)

// caddyfile writes a scheme as the block of the Caddyfile that defines it. What that
// adapts to is the scheme, under the name.
func caddyfile(s verifier.Scheme, name string) string {
	var b strings.Builder
	option := func(words ...string) {
		for i, word := range words {
			words[i] = quoteWord(word)
		}
		b.WriteString("\t" + strings.Join(words, " ") + "\n")
	}
	text := func(name, value string) {
		if value != "" {
			option(name, value)
		}
	}
	flag := func(name string, on bool) {
		if on {
			option(name)
		}
	}
	fmt.Fprintf(&b, "scheme %s {\n", name)
	for _, l := range s.Signature {
		option(signatureWords(l)...)
	}
	b.WriteString("\tsigned " + quoted(s.Signed) + "\n")
	text("body_sha256", string(s.BodySHA256))
	text("decoded", size(s.MaxDecoded))
	for _, k := range s.Keys {
		option(keyWords(k)...)
	}
	if len(s.Encodings) > 0 {
		words := []string{"encoding"}
		for _, e := range s.Encodings {
			words = append(words, string(e))
		}
		option(words...)
	}
	if t := s.Timestamp; t != nil {
		words := []string{"timestamp", string(t.From), string(t.Format)}
		if t.OfEvent {
			words = append(words, "event")
		}
		option(words...)
		switch {
		case t.Future > 0:
			option("tolerance", duration(cmp.Or(t.Past, verifier.Duration(5*time.Minute))), duration(t.Future))
		case t.Past > 0:
			option("tolerance", duration(t.Past))
		}
	}
	text("id", string(s.ID))
	text("type", string(s.Type))
	text("unsigned_id", s.UnsignedID)
	text("unsigned_type", s.UnsignedType)
	if len(s.Aliases) > 0 {
		option(append([]string{"aliases"}, s.Aliases...)...)
	}
	flag("id_varies", s.IDVaries)
	flag("body_varies", s.BodyVaries)
	flag("body_repeats", s.BodyRepeats)
	text("response_limit", duration(s.ResponseLimit))
	text("retry_horizon", duration(s.RetryHorizon))
	text("max_body", size(s.MaxBody))
	for _, h := range s.Handshakes {
		option(handshakeWords(h)...)
	}
	b.WriteString("}\n")
	return b.String()
}

func signatureWords(l verifier.Location) []string {
	words := []string{"signature", string(l.From)}
	for _, w := range []struct{ name, value string }{{"list", l.List}, {"pair", l.Pair}, {"prefix", l.Prefix}} {
		if w.value == " " && w.name != "prefix" {
			w.value = "space"
		}
		if w.value != "" {
			words = append(words, w.name, w.value)
		}
	}
	return words
}

func keyWords(k verifier.KeyForm) []string {
	words := []string{"key", string(k.Algorithm), string(cmp.Or(k.Encoding, verifier.Text))}
	if k.Prefix != "" {
		words = append(words, "prefix", k.Prefix)
	}
	if k.Item != "" {
		words = append(words, "item", k.Item)
	}
	if k.MinBytes > 0 {
		words = append(words, "min", strconv.Itoa(k.MinBytes))
	}
	if k.Private {
		words = append(words, "private")
	}
	return words
}

func handshakeWords(h verifier.Handshake) []string {
	if h.Kind != "" {
		return []string{"handshake", h.Kind}
	}
	where, name, _ := strings.Cut(string(h.Challenge), ":")
	return []string{"handshake", h.Method, where, name}
}

// duration writes one without the units that are zero; none is "".
func duration(d verifier.Duration) string {
	switch d {
	case 0:
		return ""
	case verifier.Unbounded:
		return "unbounded"
	}
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// size writes bytes in the largest unit of which they are whole.
func size(n int64) string {
	if n == 0 {
		return ""
	}
	for _, unit := range []struct {
		name string
		n    int64
	}{{"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1000}} {
		if n%unit.n == 0 {
			return strconv.FormatInt(n/unit.n, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// plainWord is what a Caddyfile reads as one word as it stands.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,;+~|-]+$`)

func quoteWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return quoted(word)
}

// quoted writes a text in quotes; in backquotes, in which nothing is escaped, if it has
// what would need that.
func quoted(text string) string {
	if strings.ContainsAny(text, "\"\\") {
		return "`" + text + "`"
	}
	return `"` + text + `"`
}
