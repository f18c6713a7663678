package verifier

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"sync"
)

// size returns the length in bytes of a signature, 0 if it has none of its own
// (a token).
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

func (a Algorithm) known() bool { return a.size() > 0 || a == Token }

// weak says that a signature of this kind does not prove what people take it to
// prove.
func (a Algorithm) weak() bool { return a == HMACSHA1 || a == Token }

func (a Algorithm) newHash() func() hash.Hash {
	switch a {
	case HMACSHA1:
		return sha1.New
	case HMACSHA384:
		return sha512.New384
	case HMACSHA512:
		return sha512.New
	default:
		return sha256.New
	}
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

// key is a compiled key: it can judge candidates and sign.
type key struct {
	rawKey
	macs sync.Pool // of hash.Hash, keyed and ready for Reset
}

func newKey(raw rawKey) *key {
	k := &key{rawKey: raw}
	k.macs.New = func() any { return hmac.New(raw.form.Algorithm.newHash(), raw.bytes) }
	return k
}

// sign appends the signature over the concatenation of parts to dst.
func (k *key) sign(dst []byte, parts ...[]byte) []byte {
	switch k.form.Algorithm {
	case Token:
		return append(dst, k.bytes...)
	case Ed25519:
		var message []byte
		for _, part := range parts {
			message = append(message, part...)
		}
		return append(dst, ed25519.Sign(ed25519.PrivateKey(k.bytes), message)...)
	default:
		return k.mac(dst, parts[0], parts[1], parts[2])
	}
}

func (k *key) mac(dst, pre, body, post []byte) []byte {
	h := k.macs.Get().(hash.Hash)
	h.Reset()
	h.Write(pre)
	h.Write(body)
	if len(post) > 0 {
		h.Write(post)
	}
	dst = h.Sum(dst)
	k.macs.Put(h)
	return dst
}

// matches reports, as 1 or 0 and in a time that does not depend on the secret,
// whether one of the candidates is this key's signature. It never stops early:
// which of them matched does not show.
func (k *key) matches(candidates []candidate, encodings []Encoding, s *scratch, body []byte) int {
	switch k.form.Algorithm {
	case Token:
		return k.matchesToken(candidates)
	case Ed25519:
		return k.matchesEd25519(candidates, encodings, s, body)
	}
	s.mac = k.mac(s.mac[:0], s.pre, body, s.post)
	found := 0
	for _, encoding := range encodings {
		if len(encodings) > 1 && !offered(candidates, encoding.size(len(s.mac))) {
			continue
		}
		// The MAC is spelled and the spellings compared: so a signature has
		// exactly one accepted text, whatever a lenient decoder would make of it.
		s.want = encoding.append(s.want[:0], s.mac)
		for i := range candidates {
			if c := &candidates[i]; c.item == k.form.Item && len(c.text) == len(s.want) {
				s.got = append(s.got[:0], c.text...)
				if encoding == Hex {
					lowerHex(s.got)
				}
				found |= subtle.ConstantTimeCompare(s.got, s.want)
			}
		}
	}
	return found
}

// offered reports whether a candidate has that length.
func offered(candidates []candidate, length int) bool {
	for i := range candidates {
		if len(candidates[i].text) == length {
			return true
		}
	}
	return false
}

// matchesToken compares digests, so that not even the length shows.
func (k *key) matchesToken(candidates []candidate) int {
	want := sha256.Sum256(k.bytes)
	found := 0
	for i := range candidates {
		got := sha256.Sum256([]byte(candidates[i].text))
		found |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	return found
}

func (k *key) matchesEd25519(candidates []candidate, encodings []Encoding, s *scratch, body []byte) int {
	s.message = append(append(append(s.message[:0], s.pre...), body...), s.post...)
	found := 0
	for i := range candidates {
		c := &candidates[i]
		if c.item != k.form.Item {
			continue
		}
		for _, encoding := range encodings {
			if len(c.text) != encoding.size(ed25519.SignatureSize) {
				continue
			}
			signature, err := decodeText(encoding, c.text)
			if err == nil && string(encoding.append(s.want[:0], signature)) == c.text &&
				ed25519.Verify(k.bytes, s.message, signature) {
				found = 1
			}
		}
	}
	return found
}

func lowerHex(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'F' {
			b[i] = c | 0x20
		}
	}
}

// scratch is the working memory of one verification.
type scratch struct {
	pre, post, mac, want, got, message []byte
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// maxScratch keeps one huge message from being held for ever.
const maxScratch = 64 << 10

func (s *scratch) free() {
	if cap(s.message) > maxScratch || cap(s.pre) > maxScratch {
		*s = scratch{}
	}
	scratches.Put(s)
}
