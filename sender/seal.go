package sender

import (
	"bytes"
	"errors"
)

// What is sealed is a byte that says how, the id of the key, and what AES-256-GCM has
// made of it with a random nonce. How, the id and the owner are authenticated.
const (
	sealed1    = 1
	keyIDBytes = 8
	sealHead   = 1 + keyIDBytes
)

var (
	errNoKey  = errors.New("it was sealed with a key that is not among those configured")
	errBroken = errors.New("it cannot be opened: it was changed, or is another's")
)

// Seal seals something of an owner, such that it opens as this owner's only.
func (k *Keyring) Seal(owner string, plain []byte) []byte {
	s := &k.seals[0]
	head := append([]byte{sealed1}, s.id[:]...)
	return append(head, s.aead.Seal(nil, nil, plain, sealed(head, owner))...) //nolint:gosec // the cipher draws the nonce itself
}

// Open opens what was sealed with one of the keys for an owner.
func (k *Keyring) Open(owner string, text []byte) ([]byte, error) {
	if len(text) < sealHead || text[0] != sealed1 {
		return nil, errBroken
	}
	for i := range k.seals {
		if s := &k.seals[i]; bytes.Equal(s.id[:], text[1:sealHead]) {
			plain, err := s.aead.Open(nil, nil, text[sealHead:], sealed(text[:sealHead], owner))
			if err != nil {
				return nil, errBroken
			}
			return plain, nil
		}
	}
	return nil, errNoKey
}

// sealed is what is authenticated beside what is sealed.
func sealed(head []byte, owner string) []byte { return append(bytes.Clone(head), owner...) }

// fresh reports whether something is sealed with the first key.
func (k *Keyring) fresh(text []byte) bool {
	return len(text) >= sealHead && text[0] == sealed1 && bytes.Equal(text[1:sealHead], k.seals[0].id[:])
}
