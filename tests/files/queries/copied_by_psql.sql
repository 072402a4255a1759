-- :many
\copy runs from 'runs.csv'
