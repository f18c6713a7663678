package sender

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// minKey is how many bytes the text of a key has at least.
const minKey = 32

// Keyring is what secrets are sealed with, and other keys derived from. It is safe for
// concurrent use.
type Keyring struct {
	secrets [][]byte
	seals   []seal // one for each secret
}

// seal is a key that seals.
type seal struct {
	id   [keyIDBytes]byte
	aead cipher.AEAD
}

// NewKeyring makes a keyring of secrets as they are configured. The first is used for
// what is new, all for what there is. Errors hold nothing of a secret.
func NewKeyring(secrets ...string) (*Keyring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("there is no key")
	}
	k := &Keyring{}
	for i, secret := range secrets {
		if strings.TrimSpace(secret) != secret {
			return nil, fmt.Errorf("key %d begins or ends with white space", i+1)
		}
		if len(secret) < minKey {
			return nil, fmt.Errorf("key %d has %d characters, at least %d are needed: make one with `openssl rand -base64 32`", i+1, len(secret), minKey)
		}
		k.secrets = append(k.secrets, []byte(secret))
	}
	for _, key := range k.Derive("seal") {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("making a cipher: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("making a cipher: %w", err)
		}
		sum := sha256.Sum256(append([]byte("id"), key...))
		s := seal{aead: aead}
		copy(s.id[:], sum[:])
		k.seals = append(k.seals, s)
	}
	return k, nil
}

// Derive returns a key of 32 bytes of each secret, which tells nothing about the secret
// or about keys of other purposes.
func (k *Keyring) Derive(purpose string) [][]byte {
	keys := make([][]byte, len(k.secrets))
	for i, secret := range k.secrets {
		key, err := hkdf.Key(sha256.New, secret, nil, "hookgate/"+purpose, 32)
		if err != nil {
			panic(err) // 32 bytes can always be had
		}
		keys[i] = key
	}
	return keys
}
