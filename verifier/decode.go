package verifier

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
)

// readCoding reads how the body is encoded, for schemes that sign what is in it.
func (e *Envelope) readCoding(lines []string) error {
	const name = "Content-Encoding"
	switch len(lines) {
	case 0:
		return nil
	case 1:
	default:
		return refuse(ErrMalformedHeader, name, "is there more than once")
	}
	switch coding := trim(lines[0]); {
	case coding == "" || strings.EqualFold(coding, "identity"):
	case strings.EqualFold(coding, "gzip") || strings.EqualFold(coding, "x-gzip"):
		e.gzip = true
	default:
		return refuse(ErrMalformedHeader, name, "has to be gzip or nothing: the scheme signs the body decoded")
	}
	return nil
}

// decode returns the body that the scheme signs. One stream of gzip with nothing
// after it has one reading; what is more, or too large once decoded, is refused
// as a body that nobody signed.
func (e *Envelope) decode(body []byte) ([]byte, error) {
	if !e.gzip {
		if most := e.v.scheme.MaxDecoded; most > 0 && int64(len(body)) > most {
			return nil, refuse(ErrInvalidSignature, "", "the body is larger than the scheme allows")
		}
		return body, nil
	}
	packed := bytes.NewReader(body)
	r, err := gzip.NewReader(packed)
	if err != nil {
		return nil, refuse(ErrInvalidSignature, "", "the body is not gzip")
	}
	r.Multistream(false)
	most := e.v.scheme.MaxDecoded
	decoded, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return nil, refuse(ErrInvalidSignature, "", "the body is not gzip")
	case int64(len(decoded)) > most:
		return nil, refuse(ErrInvalidSignature, "", "the body is larger, once decoded, than the scheme allows")
	case packed.Len() > 0:
		return nil, refuse(ErrInvalidSignature, "", "the body has something after its gzip")
	}
	return decoded, nil
}
