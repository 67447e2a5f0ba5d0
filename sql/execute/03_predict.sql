-- The probability of cancer for the first patient, in percent.
DECLARE @PredictionResult FLOAT;
EXECUTE dbo.PredictLungCancer @PatientIndex = 0, @PredictionResult = @PredictionResult OUTPUT;
PRINT CONCAT(N'Patient 0: ', STR(@PredictionResult, 5, 1), N' %');
