package verifier

import (
	"crypto/ed25519"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
)

// size returns the length in bytes of a signature, 0 if that depends on the key
// (RSA, tokens) or on the signature (ECDSA).
func (a Algorithm) size() int {
	switch a {
	case HMACSHA1:
		return sha1.Size
	case HMACSHA256:
		return sha256.Size
	case HMACSHA384:
		return sha512.Size384
	case HMACSHA512:
		return sha512.Size
	case Ed25519:
		return ed25519.SignatureSize
	}
	return 0
}

func (a Algorithm) known() bool { return a.size() > 0 || a.pair() || a == Token }

// pair says that a secret is half of a pair of keys, of which the public one
// verifies.
func (a Algorithm) pair() bool { return a == Ed25519 || a == ECDSAP256 || a == RSAPKCS1 }

// weak says that a signature of this kind does not prove what people take it to
// prove.
func (a Algorithm) weak() bool { return a == HMACSHA1 || a == Token }

// newHash returns the hash of an HMAC, nil if the algorithm is none.
func (a Algorithm) newHash() func() hash.Hash {
	switch a {
	case HMACSHA1:
		return sha1.New
	case HMACSHA256:
		return sha256.New
	case HMACSHA384:
		return sha512.New384
	case HMACSHA512:
		return sha512.New
	}
	return nil
}

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

func (e Encoding) append(dst, src []byte) []byte {
	switch e {
	case Hex:
		return hex.AppendEncode(dst, src)
	case Base64:
		return base64.StdEncoding.AppendEncode(dst, src)
	case Base64URL:
		return base64.RawURLEncoding.AppendEncode(dst, src)
	default:
		return append(dst, src...)
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
