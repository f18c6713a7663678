package verifier

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The functions here return the body itself if it cannot be changed so.

// toLatin1 writes UTF-8 as ISO 8859-1. Of a text that was taken for ISO 8859-1 and
// converted to UTF-8 it makes the bytes that it was.
func toLatin1(body []byte) []byte {
	if !utf8.Valid(body) {
		return body
	}
	out := make([]byte, 0, len(body))
	for _, r := range string(body) {
		if r > 0xff {
			return body
		}
		out = append(out, byte(r))
	}
	return out
}

func fromLatin1(body []byte) []byte {
	if utf8.Valid(body) {
		return body
	}
	out := make([]byte, 0, 2*len(body))
	for _, b := range body {
		out = utf8.AppendRune(out, rune(b))
	}
	return out
}

const gzipMagic = "\x1f\x8b"

// maxUnpacked bounds what a small body is unpacked to.
const maxUnpacked = 2 << 20

func unpack(body []byte) []byte {
	if !bytes.HasPrefix(body, []byte(gzipMagic)) {
		return body
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	out, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err != nil || len(out) > maxUnpacked {
		return body
	}
	return out
}

// formPairs returns the names and values of a form, in its order.
func formPairs(body []byte) (pairs [][2]string) {
	if len(body) == 0 || strings.IndexByte("{[\"", body[0]) >= 0 {
		return nil
	}
	for item := range strings.SplitSeq(string(body), "&") {
		name, value, ok := strings.Cut(item, "=")
		if !ok {
			return nil
		}
		var err error
		if name, err = url.QueryUnescape(name); err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil
		}
		pairs = append(pairs, [2]string{name, value})
	}
	return pairs
}

func formValue(body []byte) []byte {
	pairs := formPairs(body)
	if len(pairs) != 1 {
		return body
	}
	return []byte(pairs[0][1])
}

func escapeForm(body []byte, space string) []byte {
	pairs := formPairs(body)
	if pairs == nil {
		return body
	}
	items := make([]string, len(pairs))
	for i, pair := range pairs {
		items[i] = url.QueryEscape(pair[0]) + "=" + url.QueryEscape(pair[1])
	}
	return []byte(strings.ReplaceAll(strings.Join(items, "&"), "+", space))
}

func unquote(body []byte) []byte {
	value := bytes.TrimSpace(body)
	if len(value) == 0 || value[0] != '"' {
		return body
	}
	out, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return body
	}
	return out
}
