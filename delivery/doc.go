// Package delivery brings stored events to their destinations: it knows what is
// due, makes attempts, learns from them how each destination fares, and writes down
// what became of every delivery.
package delivery
