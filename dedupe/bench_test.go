package dedupe_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/hookgate/hookgate/dedupe"
)

// A full memory of this size is behind every benchmark.
const benchEntries = 1 << 17

var benchConfig = dedupe.Config{Window: 72 * time.Hour, Entries: benchEntries}

func fullMemory(b *testing.B) *dedupe.Memory {
	m := newMemory(b, benchConfig, time.Now)
	for n := range benchEntries {
		claim(b, m, event(n)).Commit()
	}
	b.ReportAllocs()
	b.ResetTimer()
	return m
}

// BenchmarkReference is the least an LRU of seen keys has to do: one Add under a
// mutex, in one phase, without time. What a new event costs is judged by it.
func BenchmarkReference(b *testing.B) {
	var mu sync.Mutex
	seen, err := simplelru.NewLRU[dedupe.Digest, [24]byte](benchEntries, nil)
	if err != nil {
		b.Fatal(err)
	}
	for n := range benchEntries {
		seen.Add(event(n).ID, [24]byte{})
	}
	b.ReportAllocs()
	n := benchEntries
	for b.Loop() {
		mu.Lock()
		seen.Add(event(n).ID, [24]byte{})
		mu.Unlock()
		n++
	}
}

func BenchmarkNewEvent(b *testing.B) {
	m := fullMemory(b)
	n := benchEntries
	for b.Loop() {
		c, err := m.Claim(b.Context(), event(n), 0)
		if err != nil {
			b.Fatal(err)
		}
		c.Commit()
		n++
	}
}

func BenchmarkNewEventParallel(b *testing.B) {
	m := fullMemory(b)
	var n atomic.Int64
	n.Store(benchEntries)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			c, err := m.Claim(b.Context(), event(int(n.Add(1))), 0)
			if err != nil {
				b.Error(err)
				return
			}
			c.Commit()
		}
	})
}

func BenchmarkDuplicate(b *testing.B) {
	m := fullMemory(b)
	n := 0
	for b.Loop() {
		if _, err := m.Claim(b.Context(), event(n%benchEntries), 0); err != dedupe.ErrDuplicate {
			b.Fatal(err)
		}
		n++
	}
}

func BenchmarkKey(b *testing.B) {
	b.ReportAllocs()
	sum := [32]byte{1}
	for b.Loop() {
		dedupe.IDBodyKey("billing", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", sum)
	}
}

// BenchmarkSize reports what an entry takes of memory, as documented at Config.
func BenchmarkSize(b *testing.B) {
	const entries = 1_000_000
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		m := newMemory(b, dedupe.Config{Window: time.Hour, Entries: entries}, time.Now)
		for n := range entries {
			claim(b, m, event(n)).Commit()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(m)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/entries, "B/entry")
	b.ReportMetric(0, "ns/op")
}
