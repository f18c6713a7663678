package dedupe

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestQueueAgreesWithAList adds, adds again and removes at random, over many chunks,
// and compares with the simplest thing that does the same.
func TestQueueAgreesWithAList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	place := func(n int) (d Digest) {
		binary.BigEndian.PutUint64(d[:], uint64(n))
		return d
	}
	var q queue
	var order []int // the places, oldest first
	known := map[int]int64{}
	most := 0
	for step := range int64(200_000) {
		grows := step/20_000%2 == 0 // fills and drains by turns
		n := random.IntN(8 * chunkSize)
		if !grows && len(order) > 0 && random.IntN(3) > 0 {
			q.removeOldest()
			delete(known, order[0])
			order = order[1:]
		} else if _, again := known[n]; !again || random.IntN(4) == 0 {
			q.add(place(n), entry{committed: step})
			if again {
				order = slices.DeleteFunc(order, func(m int) bool { return m == n })
			}
			order, known[n] = append(order, n), step
		}
		most = max(most, len(order))

		want, there := known[n]
		if e, ok := q.get(place(n)); ok != there || e.committed != want {
			t.Fatalf("step %d: place %d is %v, %t; want %d, %t", step, n, e.committed, ok, want, there)
		}
		e, ok := q.oldest()
		if q.len() != len(order) || ok != (len(order) > 0) || ok && e.committed != known[order[0]] {
			t.Fatalf("step %d: %d entries, oldest %d, %t; want %d", step, q.len(), e.committed, ok, len(order))
		}
		if held := len(q.chunks); held > int(q.next-q.first)/chunkSize+2 {
			t.Fatalf("step %d: %d chunks for %d slots", step, held, q.next-q.first)
		}
	}
	if most < 3*chunkSize {
		t.Errorf("at most %d entries: too few to fill chunks", most)
	}
}
