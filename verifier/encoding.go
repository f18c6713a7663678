package verifier

import (
	"encoding/base64"
	"encoding/hex"
)

// size returns the length of n bytes in this encoding.
func (e Encoding) size(n int) int {
	switch e {
	case Hex:
		return hex.EncodedLen(n)
	case Base64:
		return base64.StdEncoding.EncodedLen(n)
	case Base64URL:
		return base64.RawURLEncoding.EncodedLen(n)
	default:
		return n
	}
}

// encode returns what src is in this encoding.
func (e Encoding) encode(src []byte) string {
	switch e {
	case Hex:
		return hex.EncodeToString(src)
	case Base64:
		return base64.StdEncoding.EncodeToString(src)
	case Base64URL:
		return base64.RawURLEncoding.EncodeToString(src)
	default:
		return string(src)
	}
}

// The decoders of signatures. Strict refuses set bits after the last byte, so that
// a signature has one spelling.
var (
	strictBase64    = base64.StdEncoding.Strict()
	strictBase64URL = base64.RawURLEncoding.Strict()
)

// decode decodes text into the memory of dst, which is empty. The result is empty if
// text is of no such encoding.
func (e Encoding) decode(dst []byte, text string) []byte {
	var err error
	switch e {
	case Hex:
		dst, err = hex.AppendDecode(dst, []byte(text))
	case Base64:
		dst, err = strictBase64.AppendDecode(dst, []byte(text))
	case Base64URL:
		dst, err = strictBase64URL.AppendDecode(dst, []byte(text))
	}
	if err != nil {
		return dst[:0]
	}
	return dst
}
