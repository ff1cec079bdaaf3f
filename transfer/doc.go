// Package transfer moves files between this machine and the places that functions take their files from and leave them in:
// puts, gets, lists and removes them, one or whole folders, many at a time, in memory that does not grow with their number.
package transfer
