package verifier

import (
	"errors"
	"slices"
	"strings"
)

// The bounds on the signatures that a stranger may make the verifier look at.
const (
	maxCandidates = 16 // signatures tried
	fewCandidates = 4  // that many without an allocation
	maxItems      = 32 // items of a list, signatures or not
)

// candidate is one signature that a request offers.
type candidate struct {
	text string
	item byte // its name in the list, see [compiled.item]
}

func (e *Envelope) candidates() []candidate {
	if e.more != nil {
		return e.more
	}
	return e.few[:e.n]
}

// readSignatures takes the candidates from all locations. It returns the value of
// the first location, which may be a list that holds more than signatures.
func (e *Envelope) readSignatures(r *Request) (list string, err error) {
	s := e.v.scheme
	for i := range s.locations {
		l := &s.locations[i]
		if i > 0 && !l.from.in(r) {
			continue // providers with a location per key leave out the unused
		}
		value, err := e.read(r, &l.from)
		if i > 0 && errors.Is(err, ErrMissingHeader) {
			continue // or leave it empty
		}
		if err == nil {
			err = e.addCandidates(l, value)
		}
		if err != nil {
			return "", err
		}
		if i == 0 {
			list = value
		}
	}
	if !e.fits {
		return "", e.noSignature()
	}
	return list, nil
}

// addCandidates takes the candidate signatures out of a location's value. Items
// of another name are versions or parts that do not concern us.
func (e *Envelope) addCandidates(l *location, value string) error {
	total := 0
	for item, rest := l.cut(value); item != ""; item, rest = l.cut(rest) {
		if total++; total > maxItems {
			return refuse(ErrMalformedHeader, l.from.name, "has too many items")
		}
		c := candidate{text: item}
		if l.pair != 0 {
			var ok bool
			if c.item, c.text, ok = e.v.scheme.named(item, l.pair); !ok {
				return refuse(ErrMalformedHeader, l.from.name, "has an item without "+l.Pair+" after its name")
			}
			if c.item == 0 {
				continue
			}
		}
		text, ok := strings.CutPrefix(c.text, l.Prefix)
		if !ok {
			return refuse(ErrMalformedHeader, l.from.name, "does not begin with "+l.Prefix)
		}
		c.text = text
		if e.n == maxCandidates {
			return refuse(ErrMalformedHeader, l.from.name, "has too many signatures")
		}
		e.fits = e.fits || slices.Contains(e.v.scheme.lengths, len(text)) || e.v.scheme.lengths == nil && text != ""
		e.add(c)
	}
	return nil
}

// named splits an item of a list into the number of its name and what it names. Most
// have the first of the scheme's names, which is seen without a search.
func (c *compiled) named(item string, pair byte) (number byte, text string, ok bool) {
	first := c.items[0]
	if n := len(first); len(item) > n && item[n] == pair && item[:n] == first {
		return 1, trim(item[n+1:]), true
	}
	at := strings.IndexByte(item, pair)
	if at < 0 {
		return 0, "", false
	}
	return c.item(trim(item[:at])), trim(item[at+1:]), true
}

func (e *Envelope) add(c candidate) {
	switch {
	case e.n < len(e.few):
		e.few[e.n] = c
	case e.n == len(e.few):
		e.more = append(append(make([]candidate, 0, maxCandidates), e.few[:]...), c)
	default:
		e.more = append(e.more, c)
	}
	e.n++
}

// noSignature says what is odd about a request in which nothing could be a
// signature.
func (e *Envelope) noSignature() error {
	s := e.v.scheme
	where := s.locations[0].from.name
	if e.n == 0 {
		return refuse(ErrMalformedHeader, where, "holds no "+strings.Join(s.items, " or ")+" signature")
	}
	return refuse(ErrMalformedHeader, where, signatureHint(s, e.few[0].text))
}

// part returns the item of a list that has that name; it is there once.
func (l *location) part(list, name string) (string, error) {
	found, value := 0, ""
	for item, rest := l.cut(list); item != ""; item, rest = l.cut(rest) {
		if at := strings.IndexByte(item, l.pair); at >= 0 && trim(item[:at]) == name {
			found, value = found+1, trim(item[at+1:])
		}
	}
	switch {
	case found > 1:
		return "", refuse(ErrMalformedHeader, l.from.name, "holds "+name+" more than once")
	case value == "":
		return "", refuse(ErrMissingHeader, l.from.name, "holds no "+name)
	}
	return value, nil
}

// cut returns the first item of a list that is not empty, white space trimmed, and
// the rest of the list; "" at its end.
func (l *location) cut(list string) (item, rest string) {
	for list != "" {
		item, list = list, ""
		if l.list != 0 {
			if at := strings.IndexByte(item, l.list); at >= 0 {
				item, list = item[:at], item[at+1:]
			}
		}
		item = trim(item)
		if l.list == ' ' {
			item = strings.TrimSuffix(item, ",")
		}
		if item != "" {
			return item, list
		}
	}
	return "", ""
}
