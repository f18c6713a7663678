package dedupe

// chunkSize is how many slots are allocated at once.
const chunkSize = 1024

// queue is a map in the order of insertion, oldest first. A list of linked entries,
// as of an LRU, would be walked by every garbage collection: with a million entries
// that costs more than all else a webhook costs here. This one has no pointers but
// one for each chunk. The zero value is empty.
type queue struct {
	index  map[Digest]uint64 // the position of a place's newest slot
	chunks []*[chunkSize]slot
	// Positions count all slots there ever were. The first of chunks[0] is a
	// multiple of chunkSize. A slot whose place was added again is dead, and skipped
	// when it is the oldest.
	first, next uint64
}

type slot struct {
	place Digest
	entry entry
}

func (q *queue) len() int { return len(q.index) }

// at returns the slot at a position from first up to next.
func (q *queue) at(position uint64) *slot {
	return &q.chunks[position/chunkSize-q.first/chunkSize][position%chunkSize]
}

func (q *queue) get(place Digest) (entry, bool) {
	position, ok := q.index[place]
	if !ok {
		return entry{}, false
	}
	return q.at(position).entry, true
}

// add makes place the newest, with that entry.
func (q *queue) add(place Digest, e entry) {
	if q.index == nil {
		q.index = make(map[Digest]uint64)
	}
	if q.next%chunkSize == 0 {
		q.chunks = append(q.chunks, new([chunkSize]slot))
	}
	*q.at(q.next) = slot{place, e}
	q.index[place] = q.next
	q.next++
	q.skip()
}

// oldest returns the entry added first of those that are there.
func (q *queue) oldest() (e entry, ok bool) {
	if q.len() == 0 {
		return entry{}, false
	}
	return q.at(q.first).entry, true
}

// removeOldest removes it; there has to be one.
func (q *queue) removeOldest() {
	delete(q.index, q.at(q.first).place)
	q.drop()
	q.skip()
}

// skip drops dead slots until the oldest is a live one.
func (q *queue) skip() {
	for q.first < q.next && q.index[q.at(q.first).place] != q.first {
		q.drop()
	}
}

// drop lets go of the oldest slot, and of its chunk if that was the last in it.
func (q *queue) drop() {
	q.first++
	if q.first%chunkSize == 0 {
		q.chunks[0] = nil
		q.chunks = q.chunks[1:]
	}
}
