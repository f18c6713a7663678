package verifier

import (
	"crypto/ed25519"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
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
