package sender_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/sender"
)

func keyring(t *testing.T, secrets ...string) *sender.Keyring {
	t.Helper()
	k, err := sender.NewKeyring(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestSeal: what is sealed opens with its key and for its owner, unchanged, and in no
// other way.
func TestSeal(t *testing.T) {
	const other = "another key, which is long enough as well, for tests"
	k := keyring(t, testKey)
	plain := []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	text := k.Seal("secret/ep_1/1", plain)
	if bytes.Contains(text, plain[6:12]) || bytes.Equal(text, k.Seal("secret/ep_1/1", plain)) {
		t.Error("it shows through")
	}
	if got, err := k.Open("secret/ep_1/1", text); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("opened to %q, %v", got, err)
	}
	if got, err := keyring(t, other, testKey).Open("secret/ep_1/1", text); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("with the key as the second one: %q, %v", got, err)
	}
	for _, owner := range []string{"secret/ep_2/1", "secret/ep_1/2", "headers/ep_1", ""} {
		if _, err := k.Open(owner, text); err == nil {
			t.Errorf("it opens for %q", owner)
		}
	}
	if _, err := keyring(t, other).Open("secret/ep_1/1", text); err == nil {
		t.Error("it opens with another key")
	}
	for i := range text {
		changed := bytes.Clone(text)
		changed[i] ^= 1
		if _, err := k.Open("secret/ep_1/1", changed); err == nil {
			t.Errorf("it opens with byte %d changed", i)
		}
		if _, err := k.Open("secret/ep_1/1", text[:i]); err == nil {
			t.Errorf("its first %d bytes open", i)
		}
	}
	if keyring(t, other, testKey).Fresh(text) || !k.Fresh(text) {
		t.Error("it is not told which key it is sealed with")
	}
}

// TestKeys: keys that can be guessed are refused, without being repeated, and keys for
// different purposes have nothing in common.
func TestKeys(t *testing.T) {
	for _, secrets := range [][]string{nil, {""}, {"hunter2"}, {strings.Repeat("x", 31)}, {testKey, "hunter2"}, {" " + testKey}, {testKey + "\n"}} {
		_, err := sender.NewKeyring(secrets...)
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), testKey) {
			t.Errorf("%q: %v", secrets, err)
		}
	}
	const second = "another key, which is long enough as well, for tests"
	k := keyring(t, testKey, second)
	seen := map[string]bool{}
	for _, purpose := range []string{"seal", "tokens", "codes"} {
		keys := k.Derive(purpose)
		if len(keys) != 2 || len(keys[0]) != 32 || !bytes.Equal(keys[1], keyring(t, second).Derive(purpose)[0]) {
			t.Errorf("%s: %d keys", purpose, len(keys))
		}
		for _, key := range keys {
			if seen[string(key)] {
				t.Errorf("%s: a key is another's", purpose)
			}
			seen[string(key)] = true
		}
	}
}
