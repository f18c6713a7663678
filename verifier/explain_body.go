package verifier

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// writing is a guess at the bytes a body had when it was signed. write reports
// false if this body cannot be written so, or is written so already.
type writing struct {
	Finding
	write func(body []byte) ([]byte, bool)
}

// writings begins with the body as it is.
var writings = append([]writing{
	{write: func(body []byte) ([]byte, bool) { return body, true }},
	edit("newline_removed", "without the trailing newline", func(body []byte) []byte {
		return bytes.TrimSuffix(bytes.TrimSuffix(body, []byte("\n")), []byte("\r"))
	}),
	edit("newline_added", "with a trailing newline added", func(body []byte) []byte {
		return append(bytes.Clone(body), '\n')
	}),
	edit("newline_added", "with a trailing newline (CRLF) added", func(body []byte) []byte {
		return append(bytes.Clone(body), "\r\n"...)
	}),
	edit("crlf", "with LF line ends, where the body has CRLF", func(body []byte) []byte {
		return bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	}),
	edit("lf", "with CRLF line ends, where the body has LF", func(body []byte) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	}),
	edit("bom_removed", "without the byte order mark before the body", func(body []byte) []byte {
		return bytes.TrimPrefix(body, []byte(byteOrderMark))
	}),
	edit("bom_added", "with a byte order mark before the body", func(body []byte) []byte {
		return append([]byte(byteOrderMark), bytes.TrimPrefix(body, []byte(byteOrderMark))...)
	}),
	edit("space_trimmed", "without the white space around the body", bytes.TrimSpace),
	edit("charset", "with the body in ISO 8859-1, where it came in UTF-8: it was converted", toLatin1),
	edit("charset", "with the body in UTF-8, where it came in ISO 8859-1: it was converted", fromLatin1),
	edit("body_packed", "with the body unpacked: it was compressed after it was signed", unpack),
	edit("form", "with the text of the form's only value: the body was wrapped into a form", formValue),
	edit("form", "with the body as the value payload of a form: the form was decoded on its way", func(body []byte) []byte {
		return append([]byte("payload="), url.QueryEscape(string(body))...)
	}),
	edit("form", "with the form escaped anew: it was decoded and encoded on its way", func(body []byte) []byte { return escapeForm(body, "+") }),
	edit("form", "with the form escaped anew, spaces as %20: it was decoded and encoded on its way", func(body []byte) []byte { return escapeForm(body, "%20") }),
	edit("quoted", "with the text that the body, a JSON string, holds: it was encoded twice", unquote),
	edit("digest_signed", "over the SHA-256 of the body in hexadecimal, rather than the body", func(body []byte) []byte {
		sum := sha256.Sum256(body)
		return hex.AppendEncode(nil, sum[:])
	}),
	edit("digest_signed", "over the SHA-256 of the body, rather than the body", func(body []byte) []byte {
		sum := sha256.Sum256(body)
		return sum[:]
	}),
	edit("digest_signed", "over the SHA-256 of the body in base64, rather than the body", func(body []byte) []byte {
		sum := sha256.Sum256(body)
		return base64.StdEncoding.AppendEncode(nil, sum[:])
	}),
	edit("body_dropped", "with an empty body: the sender signed none", func([]byte) []byte { return nil }),
}, jsonWritings()...)

const byteOrderMark = "\xef\xbb\xbf"

func edit(code, text string, change func([]byte) []byte) writing {
	return writing{Finding{code, "The signature matches " + text + "."}, func(body []byte) ([]byte, bool) {
		changed := change(body)
		return changed, !bytes.Equal(changed, body)
	}}
}

// jsonWritings are the ways in which common libraries write the same JSON.
func jsonWritings() []writing {
	layouts := []struct {
		text    string
		options []jsontext.Options
	}{
		{"compact", nil},
		{"with a space after colons and commas", []jsontext.Options{jsontext.SpaceAfterColon(true), jsontext.SpaceAfterComma(true)}},
		{"indented by two spaces", []jsontext.Options{jsontext.WithIndent("  ")}},
		{"indented by four spaces", []jsontext.Options{jsontext.WithIndent("    ")}},
		{"indented by tabs", []jsontext.Options{jsontext.WithIndent("\t")}},
	}
	all := make([]writing, 0, 2*len(layouts)*len(jsonTexts))
	for _, sorted := range []bool{false, true} {
		for _, layout := range layouts {
			for _, texts := range jsonTexts {
				options := append([]jsontext.Options{
					jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true),
					jsontext.ReorderRawObjects(sorted), jsontext.PreserveRawStrings(texts.write == nil),
				}, layout.options...)
				how := layout.text + texts.text
				if sorted {
					how += ", keys sorted"
				}
				all = append(all, edit("reserialized", "the same JSON "+how+": the body was re-serialized after it was signed", func(body []byte) []byte {
					value := jsontext.Value(bytes.Clone(body))
					if value.Format(options...) != nil {
						return body // no JSON
					}
					if texts.write != nil {
						return texts.write(value)
					}
					return value
				}))
			}
		}
	}
	return all
}

// jsonTexts are the ways to write the characters of texts. write gets JSON with
// as few escapes as can be, in which what is escaped here is in texts only; nil
// keeps the escapes of the body.
var jsonTexts = []struct {
	text  string
	write func([]byte) []byte
}{
	{"", nil},
	{" without escapes", func(b []byte) []byte { return b }},
	{" with all but ASCII escaped", escapeNonASCII},
	{" with <, > and & escaped", escape("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "\u2028", `\u2028`, "\u2029", `\u2029`)},
	{" with slashes escaped", escape("/", `\/`)},
	{" with slashes and all but ASCII escaped", func(b []byte) []byte { return escapeNonASCII(escape("/", `\/`)(b)) }},
}

func escape(oldnew ...string) func([]byte) []byte {
	r := strings.NewReplacer(oldnew...)
	return func(b []byte) []byte { return []byte(r.Replace(string(b))) }
}

// escapeNonASCII writes each character beyond ASCII as one or two UTF-16 escapes.
func escapeNonASCII(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, r := range string(b) {
		switch {
		case r < utf8.RuneSelf:
			out = utf8.AppendRune(out, r)
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return out
}
