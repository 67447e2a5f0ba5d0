-- What the external Python has: versions, ONNX Runtime's providers, a GPU if one is seen.
EXECUTE dbo.CheckInstallation;
