package verifier

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// pointer is a JSON pointer (RFC 6901), unescaped token by token.
type pointer []string

func parsePointer(text string) (pointer, error) {
	tokens := strings.Split(text, "/")[1:]
	if len(tokens) > 8 {
		return nil, fmt.Errorf("JSON pointer %q is too deep", text)
	}
	for i, token := range tokens {
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
	}
	return tokens, nil
}

// Text returns the text that a reference into a JSON body, such as json:/type, leads to.
// It is empty if there is none, if a member on the way is there twice, or if the body is
// not one whole JSON value. It says nothing of who wrote the body.
func (r Ref) Text(body []byte) string {
	path, ok := strings.CutPrefix(string(r), "json:/")
	if !ok {
		return ""
	}
	p, err := parsePointer("/" + path)
	if err != nil {
		return ""
	}
	text, found, err := p.lookup(body)
	if !found || err != nil {
		return ""
	}
	return text
}

// errNotText says that the member is there but is no text.
var (
	errNotText = errors.New("is no text")
	errTwice   = errors.New("is there twice")
)

type tokenizer struct {
	*jsontext.Decoder
	data bytes.Buffer // which the decoder reads in place

	format TimeFormat // of the time that is looked for, "" if it is a text
	at     time.Time
	dated  bool // at was found
}

var tokenizers = sync.Pool{New: func() any { return &tokenizer{Decoder: jsontext.NewDecoder(new(bytes.Buffer))} }}

// time returns the time at the pointer: a number, or a text as RFC 3339.
func (p pointer) time(body []byte, format TimeFormat) (time.Time, error) {
	t := tokenizers.Get().(*tokenizer)
	defer tokenizers.Put(t)
	t.format, t.at, t.dated = format, time.Time{}, false
	_, found, err := t.lookup(p, body)
	t.format = ""
	switch {
	case err != nil:
		return time.Time{}, err
	case !found:
		return time.Time{}, errors.New("is not there")
	case !t.dated:
		return time.Time{}, errors.New(timeHint(format, ""))
	}
	return t.at, nil
}

// lookup returns the text at the pointer. found is false if there is no such
// member or the body is not one whole JSON value; a member named twice on the
// way, or one that is no text, is an error. It reads the body to its end, so
// that a second member cannot hide behind the first.
func (p pointer) lookup(body []byte) (text string, found bool, err error) {
	t := tokenizers.Get().(*tokenizer)
	defer tokenizers.Put(t)
	return t.lookup(p, body)
}

func (t *tokenizer) lookup(p pointer, body []byte) (text string, found bool, err error) {
	defer func() {
		t.data = bytes.Buffer{} // let go of the body
		t.Reset(&t.data)
	}()
	t.data = *bytes.NewBuffer(body)
	// Names are checked on the way to the pointer only: what a provider does in
	// the rest of its body decides nothing.
	t.Reset(&t.data, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	text, found, err = t.find(p)
	if errors.Is(err, errTwice) {
		return "", false, err
	}
	if _, rest := t.ReadToken(); !errors.Is(rest, io.EOF) {
		return "", false, nil
	}
	if err != nil && !errors.Is(err, errNotText) {
		return "", false, nil
	}
	return text, found, err
}

// skip consumes one value. As all of the body is in memory, to read a value is to
// slice it, and faster than SkipValue, which goes token by token.
func (t *tokenizer) skip() error {
	_, err := t.ReadValue()
	return err
}

// find consumes one value and returns the text at p within it.
func (t *tokenizer) find(p pointer) (text string, found bool, err error) {
	if len(p) == 0 {
		return t.text()
	}
	switch t.PeekKind() {
	case '{':
		return t.findMember(p)
	case '[':
		return t.findElement(p)
	default:
		return "", false, t.skip()
	}
}

func (t *tokenizer) text() (string, bool, error) {
	if t.format != "" {
		return "", true, t.readTime()
	}
	if t.PeekKind() != '"' {
		if err := t.skip(); err != nil {
			return "", false, err
		}
		return "", true, errNotText
	}
	token, err := t.ReadToken()
	if err != nil {
		return "", false, err
	}
	return token.String(), true, nil
}

func (t *tokenizer) readTime() error {
	raw, err := t.ReadValue()
	if err != nil {
		return err
	}
	if t.format == RFC3339 {
		if len(raw) < 2 || raw[0] != '"' {
			return nil
		}
		raw = raw[1 : len(raw)-1]
	}
	t.at, t.dated = parseTime(t.format, string(raw))
	return nil
}

func (t *tokenizer) findMember(p pointer) (text string, found bool, err error) {
	if _, err := t.ReadToken(); err != nil {
		return "", false, err
	}
	seen := false
	for t.PeekKind() != '}' {
		wanted, rerr := t.nameIs(p[0])
		if rerr == nil && wanted && seen {
			rerr = errTwice
		}
		if rerr == nil && !wanted {
			rerr = t.skip()
		}
		if rerr != nil {
			return "", false, rerr
		}
		if wanted {
			seen = true
			if text, found, err = t.find(p[1:]); err != nil && !errors.Is(err, errNotText) {
				return "", false, err
			}
		}
	}
	if _, rerr := t.ReadToken(); rerr != nil {
		return "", false, rerr
	}
	return text, found, err
}

// nameIs reads a member's name and reports whether it is want, however it is
// escaped.
func (t *tokenizer) nameIs(want string) (bool, error) {
	raw, err := t.ReadValue()
	if err != nil {
		return false, err
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1:len(raw)-1]) == want, nil
	}
	name, err := jsontext.AppendUnquote(nil, raw)
	return string(name) == want, err
}

func (t *tokenizer) findElement(p pointer) (text string, found bool, err error) {
	if _, err := t.ReadToken(); err != nil {
		return "", false, err
	}
	for i := 0; t.PeekKind() != ']'; i++ {
		if strconv.Itoa(i) != p[0] {
			if serr := t.skip(); serr != nil {
				return "", false, serr
			}
			continue
		}
		if text, found, err = t.find(p[1:]); err != nil && !errors.Is(err, errNotText) {
			return "", false, err
		}
	}
	if _, rerr := t.ReadToken(); rerr != nil {
		return "", false, rerr
	}
	return text, found, err
}
