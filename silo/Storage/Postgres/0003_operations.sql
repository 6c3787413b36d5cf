-- No table changes. Silos that know this version call each other's grains with the machines' records (grains/Wire/MessageCodec.cs), which silos
-- of version 2 do not understand: none of those may run when it is reached, and none of them starts on it.
COMMENT ON TABLE silo_member IS 'One row a life of a silo process; messages between them: version 3';
