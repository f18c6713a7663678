package sender

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/hookgate/hookgate/store"
)

// An id is a prefix and 27 characters of base62, which are 20 bytes. Ids of one prefix
// sort as their bytes do, and these begin with a time or a number that grows.
const (
	prefixApplication = "app_"
	prefixEndpoint    = "ep_"
	prefixMessage     = "msg_"
	prefixAttempt     = "atmpt_"
	prefixTask        = "qtask_"

	idBytes = 20
	idChars = 27
)

// idDigits are in the order of their bytes.
const idDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// encodeID writes an id.
func encodeID(prefix string, raw [idBytes]byte) string {
	var text [idChars]byte
	for i := idChars - 1; i >= 0; i-- {
		rest := 0
		for j := range raw {
			rest = rest<<8 | int(raw[j])
			raw[j] = byte(rest / len(idDigits))
			rest %= len(idDigits)
		}
		text[i] = idDigits[rest]
	}
	return prefix + string(text[:])
}

// decodeID is the inverse of encodeID. There is one text for each id, and no other is
// taken.
func decodeID(prefix, id string) (raw [idBytes]byte, ok bool) {
	text, ok := strings.CutPrefix(id, prefix)
	if !ok || len(text) != idChars {
		return raw, false
	}
	for i := range len(text) {
		carry := strings.IndexByte(idDigits, text[i])
		if carry < 0 {
			return [idBytes]byte{}, false
		}
		for j := idBytes - 1; j >= 0; j-- {
			carry += int(raw[j]) * len(idDigits)
			raw[j] = byte(carry)
			carry >>= 8
		}
		if carry != 0 { // more than 20 bytes
			return [idBytes]byte{}, false
		}
	}
	return raw, true
}

// newID returns an id of a moment, which nobody can guess.
func newID(prefix string, at time.Time) string {
	var raw [idBytes]byte
	_, _ = rand.Read(raw[6:]) // it never fails
	putMillis(raw[:6], at)
	return encodeID(prefix, raw)
}

// putMillis writes a time as 6 bytes.
func putMillis(to []byte, at time.Time) {
	ms := uint64(max(at.UnixMilli(), 0))
	for i := range 6 {
		to[i] = byte(ms >> (8 * (5 - i)))
	}
}

// readMillis is the inverse of putMillis.
func readMillis(from []byte) time.Time {
	var ms int64
	for _, b := range from[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC()
}

// proof is the end of an id whose number is taken from the store: who does not know the
// application cannot make one up.
func proof(kind, app string, number int64) []byte {
	h := sha256.New()
	h.Write([]byte(kind + app))
	_ = binary.Write(h, binary.BigEndian, number) // a hash takes everything
	return h.Sum(nil)[:12]
}

// numberID returns the id of what has a number in the store.
func numberID(prefix, kind, app string, number int64) string {
	var raw [idBytes]byte
	binary.BigEndian.PutUint64(raw[:], uint64(number))
	copy(raw[8:], proof(kind, app, number))
	return encodeID(prefix, raw)
}

// readNumber returns the number in an id of numberID, unchecked.
func readNumber(prefix, id string) (int64, bool) {
	raw, ok := decodeID(prefix, id)
	number := binary.BigEndian.Uint64(raw[:])
	return int64(number), ok && number <= math.MaxInt64
}

// messageID returns the id of a stored event as an application's message.
func messageID(app string, seq int64) string { return numberID(prefixMessage, "message", app, seq) }

// parseMessageID returns the event that an id of messageID names.
func parseMessageID(app, id string) (seq int64, ok bool) {
	seq, ok = readNumber(prefixMessage, id)
	return seq, ok && messageID(app, seq) == id
}

// attemptKey is what the id of an attempt says.
type attemptKey struct {
	started  time.Time
	delivery store.DeliveryID
	number   int
}

// id writes an attempt's id.
func (k attemptKey) id() string {
	var raw [idBytes]byte
	putMillis(raw[:6], k.started)
	binary.BigEndian.PutUint64(raw[6:], uint64(k.delivery.Seq))
	binary.BigEndian.PutUint16(raw[14:], uint16(k.delivery.N))
	binary.BigEndian.PutUint32(raw[16:], uint32(k.number))
	return encodeID(prefixAttempt, raw)
}

// parseAttemptID is the inverse of id.
func parseAttemptID(id string) (attemptKey, bool) {
	raw, ok := decodeID(prefixAttempt, id)
	seq, number := binary.BigEndian.Uint64(raw[6:]), binary.BigEndian.Uint32(raw[16:])
	if !ok || seq > math.MaxInt64 || number == 0 || number > math.MaxInt32 {
		return attemptKey{}, false
	}
	return attemptKey{
		started:  readMillis(raw[:]),
		delivery: store.DeliveryID{Seq: int64(seq), N: int(binary.BigEndian.Uint16(raw[14:]))},
		number:   int(number),
	}, true
}

// isID reports whether a reference is an id of that prefix, and no uid.
func isID(prefix, ref string) bool { return strings.HasPrefix(ref, prefix) }
