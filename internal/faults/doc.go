// Package faults makes the faults that tests need of a machine: a disk whose power
// can be cut. It is for tests only, and for Linux.
package faults
