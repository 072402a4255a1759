"""What the documents describe and SQL alone cannot do: cron, ciphers, hashes, workers that wait."""
