-- What the external Python has: versions, ONNX Runtime's providers, a GPU if one is seen. It is kept for the doctor.
EXECUTE dbo.CheckRuntime;
-- Whether the installation is healthy: a row a check, with what mends it.
EXECUTE dbo.Doctor;
