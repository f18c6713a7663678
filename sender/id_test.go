package sender

import (
	"bytes"
	"crypto/rand"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/store"
)

// TestIDs: an id is read as it was written, is of its prefix only, and sorts as its bytes.
func TestIDs(t *testing.T) {
	var raws [][idBytes]byte
	for range 500 {
		var raw [idBytes]byte
		rand.Read(raw[:])
		raws = append(raws, raw)
	}
	raws = append(raws, [idBytes]byte{}, [idBytes]byte(bytes.Repeat([]byte{0xff}, idBytes)))
	slices.SortFunc(raws, func(a, b [idBytes]byte) int { return bytes.Compare(a[:], b[:]) })
	before := ""
	for _, raw := range raws {
		id := encodeID(prefixApplication, raw)
		if got, ok := decodeID(prefixApplication, id); !ok || got != raw || len(id) != 4+idChars {
			t.Fatalf("%x is %s, and that %x, %t", raw, id, got, ok)
		}
		if _, ok := decodeID(prefixEndpoint, id); ok {
			t.Fatalf("%s is taken for an endpoint", id)
		}
		if id <= before {
			t.Fatalf("%s does not sort behind %s", id, before)
		}
		before = id
	}
	for _, bad := range []string{"", "app_", "app_" + strings.Repeat("z", idChars), "app_" + strings.Repeat("0", idChars-1), "app_" + strings.Repeat("0", idChars+1), "app_" + strings.Repeat("0", idChars-1) + "-"} {
		if _, ok := decodeID(prefixApplication, bad); ok {
			t.Errorf("%q is taken for an id", bad)
		}
	}
}

// TestMessageIDs: the id of a message says its number, and is of its application only.
func TestMessageIDs(t *testing.T) {
	app, other := newID(prefixApplication, time.Now()), newID(prefixApplication, time.Now())
	before := ""
	for _, seq := range []int64{1, 2, 255, 256, time.Now().UnixMicro(), math.MaxInt64} {
		id := messageID(app, seq)
		if got, ok := parseMessageID(app, id); !ok || got != seq {
			t.Errorf("%s is %d, %t; want %d", id, got, ok, seq)
		}
		if _, ok := parseMessageID(other, id); ok {
			t.Errorf("%s is another application's, too", id)
		}
		if id <= before {
			t.Errorf("%s does not sort behind %s", id, before)
		}
		before = id
		raw, _ := decodeID(prefixMessage, id)
		raw[19] ^= 1
		if _, ok := parseMessageID(app, encodeID(prefixMessage, raw)); ok {
			t.Errorf("a changed id of %d is taken", seq)
		}
	}
}

// TestAttemptIDs: the id of an attempt says which it is.
func TestAttemptIDs(t *testing.T) {
	for _, key := range []attemptKey{
		{time.UnixMilli(1).UTC(), store.DeliveryID{Seq: 1}, 1},
		{time.UnixMilli(1_700_000_000_123).UTC(), store.DeliveryID{Seq: math.MaxInt64, N: math.MaxUint16}, math.MaxInt32},
	} {
		if got, ok := parseAttemptID(key.id()); !ok || got != key {
			t.Errorf("%+v is %s, and that %+v, %t", key, key.id(), got, ok)
		}
	}
	if _, ok := parseAttemptID((attemptKey{time.UnixMilli(1), store.DeliveryID{Seq: 1}, 0}).id()); ok {
		t.Error("an attempt 0 is taken")
	}
}

// FuzzIDs: what is taken for an id is written as it was read.
func FuzzIDs(f *testing.F) {
	app := encodeID(prefixApplication, [idBytes]byte{1})
	f.Add(app)
	f.Add(messageID(app, 7))
	f.Add(attemptKey{time.UnixMilli(5), store.DeliveryID{Seq: 7, N: 3}, 2}.id())
	f.Add(numberID(prefixTask, "task", app, 9))
	f.Fuzz(func(t *testing.T, id string) {
		for _, prefix := range []string{prefixApplication, prefixEndpoint, prefixMessage, prefixAttempt, prefixTask} {
			if raw, ok := decodeID(prefix, id); ok && encodeID(prefix, raw) != id {
				t.Errorf("%q is another id, too", id)
			}
		}
		if seq, ok := parseMessageID(app, id); ok && (seq < 0 || messageID(app, seq) != id) {
			t.Errorf("%q is message %d", id, seq)
		}
		if key, ok := parseAttemptID(id); ok && key.id() != id {
			t.Errorf("%q is %+v", id, key)
		}
	})
}
