// Package store keeps the state of the embedded backend in one bbolt file: tables of JSON values that
// survive a restart, and a SIGKILL at any moment.
//
// Writes are not forced to the disk one by one: what a killed process has written is the kernel's, and
// an emulator must not wait for a disk thousands of times a second. A machine that loses its power may
// lose the state.
package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// lockTimeout is how long Open waits for another process to let go of the file.
const lockTimeout = 2 * time.Second

// ErrLocked is returned by Open when another process has the file open.
var ErrLocked = errors.New("state is in use by another process")

// DB is an open state file.
type DB struct{ bolt *bbolt.DB }

// Open opens the file, or makes it. Only one process can have it open.
func Open(path string) (*DB, error) {
	b, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:      lockTimeout,
		NoSync:       true,
		FreelistType: bbolt.FreelistMapType,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open state %s: %w", path, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, err)
	}
	return &DB{b}, nil
}

// Bolt is the database itself, for tables that are more than keys and JSON values.
func (db *DB) Bolt() *bbolt.DB { return db.bolt }

// Close forces the state to the disk and ends the use of the file.
func (db *DB) Close() error {
	if err := db.bolt.Sync(); err != nil {
		return errors.Join(fmt.Errorf("write state: %w", err), db.bolt.Close())
	}
	return db.bolt.Close()
}

// GetJSON reads a JSON value of a bucket, and says whether there is one. The bucket must belong to a
// transaction of this database.
func GetJSON[T any](b *bbolt.Bucket, key string) (value T, found bool, err error) {
	text := b.Get([]byte(key))
	if text == nil {
		return value, false, nil
	}
	if err := json.Unmarshal(text, &value); err != nil {
		return value, false, fmt.Errorf("read %q: %w", key, err)
	}
	return value, true, nil
}

// PutJSON writes a JSON value into a bucket.
func PutJSON[T any](b *bbolt.Bucket, key string, value T) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %q: %w", key, err)
	}
	return b.Put([]byte(key), text)
}

// Table is a set of values by key, in the order of their keys.
type Table[T any] struct {
	db   *DB
	name []byte
}

// NewTable returns the table of that name, made if absent.
func NewTable[T any](db *DB, name string) (*Table[T], error) {
	t := &Table[T]{db, []byte(name)}
	err := db.bolt.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(t.name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open table %s: %w", name, err)
	}
	return t, nil
}

// Get returns the value of a key, and whether there is one.
func (t *Table[T]) Get(key string) (value T, found bool, err error) {
	err = t.db.bolt.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(t.name).Get([]byte(key))
		if b == nil {
			return nil
		}
		found = true
		return json.Unmarshal(b, &value)
	})
	if err != nil {
		return value, false, fmt.Errorf("read %s %q: %w", t.name, key, err)
	}
	return value, found, nil
}

// Put stores a value.
func (t *Table[T]) Put(key string, value T) error {
	return t.Update(key, func(v *T, _ bool) error {
		*v = value
		return nil
	})
}

// Update changes the value of a key in one transaction: change gets the value as it is, or the zero
// value, and whether it exists. An error from change leaves the table as it was and is returned as it
// is.
func (t *Table[T]) Update(key string, change func(value *T, found bool) error) error {
	return t.db.bolt.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(t.name)
		var value T
		old := b.Get([]byte(key))
		if old != nil {
			if err := json.Unmarshal(old, &value); err != nil {
				return fmt.Errorf("read %s %q: %w", t.name, key, err)
			}
		}
		if err := change(&value, old != nil); err != nil {
			return err
		}
		enc, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("write %s %q: %w", t.name, key, err)
		}
		return b.Put([]byte(key), enc)
	})
}

// Delete removes a key; one that is absent is no error.
func (t *Table[T]) Delete(key string) error {
	return t.db.bolt.Update(func(tx *bbolt.Tx) error { return tx.Bucket(t.name).Delete([]byte(key)) })
}

// Remove removes a key in one transaction if check, which gets the value as it is, or the zero value,
// and whether it exists, agrees. An error from check leaves the table as it was and is returned as it
// is.
func (t *Table[T]) Remove(key string, check func(value T, found bool) error) error {
	return t.db.bolt.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(t.name)
		var value T
		old := b.Get([]byte(key))
		if old != nil {
			if err := json.Unmarshal(old, &value); err != nil {
				return fmt.Errorf("read %s %q: %w", t.name, key, err)
			}
		}
		if err := check(value, old != nil); err != nil {
			return err
		}
		return b.Delete([]byte(key))
	})
}

// Each calls visit for every key that starts with prefix, in order, until it returns false. Visit
// must not use the database.
func (t *Table[T]) Each(prefix string, visit func(key string, value T) bool) error {
	return t.db.bolt.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(t.name).Cursor()
		for k, v := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = c.Next() {
			var value T
			if err := json.Unmarshal(v, &value); err != nil {
				return fmt.Errorf("read %s %q: %w", t.name, k, err)
			}
			if !visit(string(k), value) {
				return nil
			}
		}
		return nil
	})
}
