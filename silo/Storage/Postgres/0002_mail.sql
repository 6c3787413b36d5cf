-- No table changes. Silos that know this version send each other mail (grains/Hosting/Mail.cs), which silos of version 1 do not understand:
-- none of those may run when it is reached, and none of them starts on it.
COMMENT ON TABLE silo_member IS 'One row a life of a silo process; messages between them: version 2';
