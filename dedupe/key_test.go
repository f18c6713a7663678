package dedupe_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/hookgate/hookgate/dedupe"
)

func TestKeysNameWhatDecides(t *testing.T) {
	one, two := sha256.Sum256([]byte("one")), sha256.Sum256([]byte("two"))
	tests := map[string]struct {
		a, b dedupe.Key
		same bool
	}{
		"same id":                    {dedupe.IDKey("s", "1"), dedupe.IDKey("s", "1"), true},
		"same id and body":           {dedupe.IDBodyKey("s", "1", one), dedupe.IDBodyKey("s", "1", one), true},
		"same body":                  {dedupe.BodyKey("s", one), dedupe.BodyKey("s", one), true},
		"other id":                   {dedupe.IDKey("s", "1"), dedupe.IDKey("s", "2"), false},
		"other id, same body":        {dedupe.IDBodyKey("s", "1", one), dedupe.IDBodyKey("s", "2", one), false},
		"same id, other body":        {dedupe.IDBodyKey("s", "1", one), dedupe.IDBodyKey("s", "1", two), false},
		"other body":                 {dedupe.BodyKey("s", one), dedupe.BodyKey("s", two), false},
		"id of another source":       {dedupe.IDKey("s", "1"), dedupe.IDKey("r", "1"), false},
		"body of another source":     {dedupe.BodyKey("s", one), dedupe.BodyKey("r", one), false},
		"id that spells a body":      {dedupe.IDKey("s", string(one[:])), dedupe.BodyKey("s", one), false},
		"source and id run together": {dedupe.IDKey("s1", "1"), dedupe.IDKey("s", "11"), false},
	}
	for name, test := range tests {
		if (test.a == test.b) != test.same {
			t.Errorf("%s: equal is %t; want %t", name, test.a == test.b, test.same)
		}
	}
	if dedupe.IDBodyKey("s", "1", one).ID != dedupe.IDBodyKey("s", "1", two).ID {
		t.Error("bodies of one id have to have its digest in common, or no conflict can be seen")
	}
}

// The digests are computed by hand, with
//
//	printf 'i\0\0\0\0\0\0\0\6githubevt_1' | sha256sum
//	printf 'b\0\0\0\0\0\0\0\6github' | cat - <(printf body | openssl dgst -sha256 -binary) | sha256sum
//	printf body | sha256sum
func TestKeysStayTheSame(t *testing.T) {
	sum := sha256.Sum256([]byte("body"))
	for _, test := range []struct {
		name string
		got  dedupe.Digest
		want string
	}{
		{"id", dedupe.IDBodyKey("github", "evt_1", sum).ID, "8d0c7927d439a8988cded6519d8bdb9b"},
		{"id alone", dedupe.IDKey("github", "evt_1").ID, "8d0c7927d439a8988cded6519d8bdb9b"},
		{"digest of an id", dedupe.BodyKey("github", sum).ID, "cc4c682ff13dc4e51af19db3616089ab"},
		{"body", dedupe.IDBodyKey("github", "evt_1", sum).Body, "230d8358dc8e8890b4c58deeb62912ee"},
		{"no body", dedupe.IDKey("github", "evt_1").Body, "00000000000000000000000000000000"},
	} {
		if got := hex.EncodeToString(test.got[:]); got != test.want {
			t.Errorf("%s: %s; want %s", test.name, got, test.want)
		}
	}
}

// A sender can choose ids. None may be the name of a place in the memory that is
// not its own: it would make a duplicate of an event that never came.
func TestNoIDNamesThePlaceOfAConflict(t *testing.T) {
	m := newMemory(t, dedupe.Config{Window: time.Hour, Entries: 9}, time.Now)
	a := dedupe.IDBodyKey("s", "1", sha256.Sum256([]byte("a")))
	b := dedupe.IDBodyKey("s", "1", sha256.Sum256([]byte("b")))
	claim(t, m, a).Commit()
	claim(t, m, b).Commit()
	forged := dedupe.IDKey(string(b.ID[:]), string(b.Body[:]))
	if claim(t, m, forged).Conflict {
		t.Error("the id is that of a conflict")
	}
}

// FuzzKeyUnambiguous divides text into source and id in every way: no two may have
// a key in common.
func FuzzKeyUnambiguous(f *testing.F) {
	f.Add("githubevt_1")
	f.Add("\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01")
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Add("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W\xff\x00:,/.")
	f.Fuzz(func(t *testing.T, text string) {
		seen := map[dedupe.Key]int{}
		for i := range min(len(text), 256) + 1 {
			keys := []dedupe.Key{dedupe.IDKey(text[:i], text[i:])}
			if len(text)-i == sha256.Size {
				keys = append(keys, dedupe.BodyKey(text[:i], [sha256.Size]byte([]byte(text[i:]))))
			}
			for _, k := range keys {
				if other, ok := seen[k]; ok {
					t.Fatalf("%q has the same key divided at %d and at %d", text, other, i)
				}
				seen[k] = i
			}
		}
	})
}
