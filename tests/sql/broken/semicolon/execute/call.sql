DECLARE @Result FLOAT
EXECUTE dbo.PredictLungCancer @PatientIndex = 0, @PredictionResult = @Result OUTPUT;
