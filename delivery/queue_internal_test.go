package delivery

import (
	"math/rand/v2"
	"testing"
)

// TestQueue compares it with a slice over random pushes and pops, and holds that
// it keeps no more room than it once needed.
func TestQueue(t *testing.T) {
	var q queue
	var model []*task
	most := 0
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		if random.IntN(100) < 50 && len(model) < 100 {
			next := &task{}
			q.push(next)
			model = append(model, next)
			most = max(most, len(model))
		} else {
			got := q.pop()
			if len(model) == 0 {
				if got != nil {
					t.Fatal("an empty queue had something")
				}
				continue
			}
			if got != model[0] {
				t.Fatal("not the one that has waited longest")
			}
			model = model[1:]
		}
		if q.len() != len(model) {
			t.Fatalf("length %d; want %d", q.len(), len(model))
		}
	}
	if cap(q.tasks) > 4*most {
		t.Errorf("room for %d; %d were the most", cap(q.tasks), most)
	}
	for _, left := range q.tasks[:q.first] {
		if left != nil {
			t.Fatal("what was taken is still held")
		}
	}
}
