package dedupe

import (
	"crypto/sha256"
	"encoding/binary"
)

// Digest is the first half of a SHA-256. To give two events the same one takes
// 2^64 tries, and the secret: only what is signed is digested.
type Digest [sha256.Size / 2]byte

// Key names an event of a source. It is the same for every copy of the event: no
// secret, timestamp or spelling of a signature has a part in it. All it is made
// from has to be signed; with a key made from anything else, an attacker can replay
// an event under a fresh name, or use up a name beforehand. Keys stay the same from
// release to release, so they can be stored.
type Key struct {
	// ID is the digest of the source and the signed id or, where no id is signed,
	// of the source and the signed bytes.
	ID Digest
	// Body is the digest of the signed bytes; zero where ID alone decides.
	Body Digest
}

// What a digest is of. No kind can yield the digest of another.
const (
	kindID    = 'i'
	kindBody  = 'b'
	kindAside = 'a'
)

// IDKey returns the key of an event with a signed id, whose body may differ from
// attempt to attempt: the id alone decides.
func IDKey(source, id string) Key {
	return Key{ID: digest(kindID, source, id)}
}

// IDBodyKey returns the key of an event with a signed id, where sum is the SHA-256
// of the signed bytes: one id with two bodies is two events.
func IDBodyKey(source, id string, sum [sha256.Size]byte) Key {
	return Key{ID: digest(kindID, source, id), Body: Digest(sum[:])}
}

// BodyKey returns the key of an event without a signed id, where sum is the
// SHA-256 of the signed bytes: equal bytes are one event.
func BodyKey(source string, sum [sha256.Size]byte) Key {
	return Key{ID: digest(kindBody, source, string(sum[:]))}
}

// aside is where the event is kept if another body holds the place of its id.
func (k Key) aside() Digest {
	return digest(kindAside, string(k.ID[:]), string(k.Body[:]))
}

// Aside returns where the event is kept if another body holds the place of its id;
// zero where the id alone decides.
func (k Key) Aside() Digest {
	if k.Body == (Digest{}) {
		return Digest{}
	}
	return k.aside()
}

// digest is injective up to collisions of SHA-256: the length keeps ("a", "bc")
// and ("ab", "c") apart.
func digest(kind byte, first, second string) Digest {
	buf := make([]byte, 0, 512) // on the stack, and enough for any valid source and id
	buf = append(buf, kind)
	buf = binary.BigEndian.AppendUint64(buf, uint64(len(first)))
	buf = append(buf, first...)
	buf = append(buf, second...)
	sum := sha256.Sum256(buf)
	return Digest(sum[:])
}
