package verifier

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"sync"
)

// key is a compiled key: it can judge candidates and sign.
type key struct {
	rawKey
	item byte // what signatures by this key are marked with, see [compiled.item]
}

// keyring is the keys of a verifier or signer, in the configured order, with the
// working memory to use them. It is safe for concurrent use.
type keyring struct {
	keys []key
	pool sync.Pool // of *workspace
}

// workspace is the memory of one verification. It is used again, so that
// verifying allocates nothing.
type workspace struct {
	macs []hash.Hash // one a key, keyed and ready for Reset; see [rawKey.newMAC]

	pre, post []byte // the signed bytes around the body
	mac       []byte // what is expected
	got       []byte // what was sent
	message   []byte // the signed bytes in one piece, for Ed25519
}

// maxKept keeps one huge message from being held for ever.
const maxKept = 64 << 10

func newKeyring(keys []key) *keyring {
	ring := &keyring{keys: keys}
	ring.pool.New = func() any {
		w := &workspace{macs: make([]hash.Hash, len(keys))}
		for i := range keys {
			w.macs[i] = keys[i].newMAC()
		}
		return w
	}
	return ring
}

func (ring *keyring) borrow() *workspace { return ring.pool.Get().(*workspace) }

func (ring *keyring) giveBack(w *workspace) {
	if cap(w.message) > maxKept || cap(w.pre) > maxKept {
		return
	}
	ring.pool.Put(w)
}

// match returns the index of the secret that a candidate is signed with, -1 if
// there is none. All candidates meet all keys and nothing stops early, so that
// the time does not tell which of them matched, or how nearly. Only further readings
// of a secret that has matched are spared: how a scheme reads a secret is no secret.
func (ring *keyring) match(candidates []candidate, c *compiled, v *values, body []byte) int {
	w := ring.borrow()
	w.pre, w.post = c.pre.append(w.pre[:0], v), c.post.append(w.post[:0], v)
	if !c.body {
		body = nil
	}
	secret := -1
	for i := range ring.keys {
		k := &ring.keys[i]
		if k.secret != secret && w.matches(i, k, candidates, c.Encodings, body) == 1 && secret < 0 {
			secret = k.secret
		}
	}
	ring.giveBack(w)
	return secret
}

// sign appends the signature of the i-th key to dst; pre and post of w are set.
func (ring *keyring) sign(dst []byte, i int, w *workspace, body []byte) []byte {
	switch k := &ring.keys[i]; k.form.Algorithm {
	case Token:
		return append(dst, k.bytes...)
	case Ed25519:
		return append(dst, ed25519.Sign(k.private.(ed25519.PrivateKey), w.join(body))...)
	case ECDSAP256, RSAPKCS1:
		return append(dst, k.signDigest(w.appendMAC(nil, i, body))...)
	default:
		return w.appendMAC(dst, i, body)
	}
}

func (w *workspace) appendMAC(dst []byte, i int, body []byte) []byte {
	h := w.macs[i]
	h.Reset()
	h.Write(w.pre)
	h.Write(body)
	if len(w.post) > 0 {
		h.Write(w.post)
	}
	return h.Sum(dst)
}

func (w *workspace) join(body []byte) []byte {
	w.message = append(append(append(w.message[:0], w.pre...), body...), w.post...)
	return w.message
}

// matches reports, as 1 or 0 and in a time that does not depend on the secret,
// whether one of the candidates is the i-th key's signature.
func (w *workspace) matches(i int, k *key, candidates []candidate, encodings []Encoding, body []byte) int {
	switch k.form.Algorithm {
	case Token:
		return k.matchesToken(candidates)
	case Ed25519:
		return k.matchesPair(candidates, encodings, w, w.join(body))
	case ECDSAP256, RSAPKCS1:
		w.mac = w.appendMAC(w.mac[:0], i, body)
		return k.matchesPair(candidates, encodings, w, w.mac)
	}
	w.mac = w.appendMAC(w.mac[:0], i, body)
	found := 0
	for i := range candidates {
		if c := &candidates[i]; c.item == k.item {
			for _, encoding := range encodings {
				found |= encoding.matches(c.text, w.mac)
			}
		}
	}
	return found
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

// matchesPair verifies what is signed: the message for Ed25519, else its digest.
func (k *key) matchesPair(candidates []candidate, encodings []Encoding, w *workspace, signed []byte) int {
	found := 0
	for i := range candidates {
		c := &candidates[i]
		if c.item != k.item {
			continue
		}
		for _, encoding := range encodings {
			if n := encoding.size(k.signatureSize()); len(c.text) == n || n == 0 && len(c.text) <= encoding.size(maxECDSA) {
				w.got = encoding.decode(w.got[:0], c.text)
				if len(w.got) > 0 && k.verify(signed, w.got) {
					found = 1
				}
			}
		}
	}
	return found
}

// newMAC returns what takes in the signed bytes: a keyed MAC, for ECDSA and RSA
// the digest that they sign, nil for tokens and Ed25519.
func (k *rawKey) newMAC() hash.Hash {
	switch {
	case k.form.Algorithm == ECDSAP256 || k.form.Algorithm == RSAPKCS1:
		return sha256.New()
	case k.form.Algorithm.newHash() != nil:
		return hmac.New(k.form.Algorithm.newHash(), k.bytes)
	default:
		return nil
	}
}
