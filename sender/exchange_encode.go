package sender

import (
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// encode writes what encoding/json would, which looks each type up and copies more: there
// is one of these for each attempt.
func (w *exchangeJSON) encode() []byte {
	b := append(make([]byte, 0, 1024), '{')
	b = appendText(b, "url", w.URL)
	b = appendNumber(b, "status", int64(w.Status))
	b = appendText(b, "protocol", w.Protocol)
	b = appendHeader(b, "sent", w.Sent)
	b = appendHeader(b, "header", w.Header)
	b = appendText(b, "text", w.Text)
	if len(w.Base64) > 0 {
		b = append(base64.StdEncoding.AppendEncode(append(appendName(b, "base64"), '"'), w.Base64), '"')
	}
	b = appendTrue(b, "cut", w.Cut)
	b = appendTrue(b, "withheld", w.Withheld)
	b = appendNumber(b, "ms", w.Took)
	b = appendText(b, "class", string(w.Class))
	b = appendText(b, "reason", w.Reason)
	return append(b, '}')
}

// Each appends a member, unless it is empty.

func appendText(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendQuoted(appendName(b, name), text)
}

func appendNumber(b []byte, name string, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(appendName(b, name), n, 10)
}

func appendTrue(b []byte, name string, so bool) []byte {
	if !so {
		return b
	}
	return append(appendName(b, name), "true"...)
}

func appendHeader(b []byte, name string, h http.Header) []byte {
	if len(h) == 0 {
		return b
	}
	b = append(appendName(b, name), '{')
	var few [16]string
	for _, name := range sortedNames(few[:0], h) {
		b = append(appendName(b, name), '[')
		for i, value := range h[name] {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendQuoted(b, value)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func sortedNames(to []string, h http.Header) []string {
	to = slices.AppendSeq(to, maps.Keys(h))
	slices.Sort(to)
	return to
}

// appendName appends the name of a member, behind the one before.
func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendQuoted(b, name), ':')
}

// appendQuoted appends a text, in which what is no UTF-8 is replaced.
func appendQuoted(b []byte, text string) []byte {
	b, _ = jsontext.AppendQuote(b, text) // it errs about what it has replaced
	return b
}
